import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'

// The kernel's unit in /proc, the same on every Linux Node runs on.
const tickMs = 10
const settleMs = 1000

/** CPU time in milliseconds that the machine has spent, and that it could have spent. */
export function machine(): { readonly busyMs: number; readonly allMs: number } {
  const [line = ''] = readFileSync('/proc/stat', 'utf8').split('\n')
  // user, nice, system, idle, iowait, irq, softirq, steal
  const times = line.split(/\s+/).slice(1, 9).map(Number)
  const all = times.reduce((sum, time) => sum + time, 0)
  const idle = (times[3] ?? 0) + (times[4] ?? 0)
  return { busyMs: (all - idle) * tickMs, allMs: all * tickMs }
}

/** CPU time of hosts, by their first processes, in milliseconds; waits a little for what still ends. */
export async function hostsCpu(pids: readonly number[]): Promise<number> {
  const children = (pid: number) => readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim()
  for (const until = Date.now() + settleMs; Date.now() < until; await sleep(20)) {
    if (pids.every((pid) => children(pid) === '')) break
  }
  // Own and reaped children's time, user and system; a name in brackets may hold blanks.
  return pids
    .flatMap((pid) =>
      readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)?.split(' ').slice(11, 15),
    )
    .reduce((sum, ticks) => sum + Number(ticks) * tickMs, 0)
}

/** Up to `limitMs`, until others leave nine tenths of the machine alone for two seconds. */
export async function untilQuiet(limitMs: number, signal: AbortSignal): Promise<void> {
  for (const until = Date.now() + limitMs; Date.now() < until; ) {
    const before = machine()
    await sleep(2000, undefined, { signal })
    const after = machine()
    if (after.busyMs - before.busyMs < (after.allMs - before.allMs) / 10) return
  }
}
