import { setTimeout as sleep } from 'node:timers/promises'
import { judgeCounters, type Sample } from './counters.ts'
import type { Machine } from './machine/machine.ts'
import type { Counted } from './record/round-record.ts'

/** Asks until it is stopped. */
export interface Sampler {
  /** Ends the asking and judges what was heard. */
  stop(): Promise<Counted>
}

/** Reads `UPTIME WRITTEN`; undefined for anything else. */
export function sampleOf(line: string, connection: number, at: number): Sample | undefined {
  const [, up, written] = /^([\d.]+) (\d+)$/.exec(line) ?? []
  if (up === undefined) return undefined
  return { connection, at, upMs: Math.round(Number(up) * 1000), written: Number(written) }
}

/** Samples how much both nodes write for clients; `script` prints `UPTIME WRITTEN` again and again. */
export function startSampler(nodes: readonly Machine[], script: string): Sampler {
  const stop = new AbortController()
  const samples = new Map(nodes.map(({ name }) => [name, [] as Sample[]]))
  const running = nodes.map((node) =>
    follow(node, script, samples.get(node.name) ?? [], stop.signal),
  )
  return {
    stop: async () => {
      stop.abort()
      // A node that is off may not have said yet that it does not answer.
      await Promise.race([Promise.allSettled(running), sleep(3_000)])
      return judgeCounters(samples)
    },
  }
}

/** Listens to one node, and again whenever it comes back. */
async function follow(
  node: Machine,
  script: string,
  samples: Sample[],
  signal: AbortSignal,
): Promise<void> {
  for (let connection = 0; !signal.aborted; connection++) {
    try {
      await node.stream(
        script,
        (line) => {
          const sample = sampleOf(line, connection, Date.now())
          if (sample) samples.push(sample)
        },
        signal,
      )
    } catch {
      // It is off, frozen or on its way up: what others find out is not told here.
    }
    if (!signal.aborted) await sleep(1_000, undefined, { signal }).catch(() => {})
  }
}
