import type { Machine } from './machine.ts'

/** What a machine's times mean on this computer's clock; all in milliseconds. */
export interface Clock {
  /** The machine's wall clock minus ours. */
  readonly aheadMs: number
  /** When the machine's uptime was 0, on our clock. */
  readonly bootedAt: number
  /** The kernel log's stamps minus the uptime: they need not begin together. */
  readonly kernelAheadMs: number
  /** How far all of this may be off. */
  readonly errorMs: number
}

/** One answer to the question for the time. */
export interface Reading {
  readonly sentAt: number
  readonly gotAt: number
  /** Seconds of uptime and of the wall clock, read one right after the other. */
  readonly uptime: number
  readonly wall: number
}

/** The clock out of several readings: the quickest answer is the truest. */
export function clockOf(readings: readonly Reading[], kernelAheadMs = 0): Clock {
  const [best] = [...readings].sort((a, b) => a.gotAt - a.sentAt - (b.gotAt - b.sentAt))
  if (!best) throw new Error('no reading of a clock')
  const middle = (best.sentAt + best.gotAt) / 2
  return {
    aheadMs: best.wall * 1000 - middle,
    bootedAt: middle - best.uptime * 1000,
    kernelAheadMs,
    errorMs: (best.gotAt - best.sentAt) / 2,
  }
}

const readScript = 'read -r up _ </proc/uptime; date "+$up %s.%N"'

/** Writes `mark` into the kernel log too, which is where the log of a round begins. */
const markScript = (mark: string) => `read -r up _ </proc/uptime; echo "${mark}" >/dev/kmsg
echo "$up $(dmesg | grep -F "${mark}" | tail -n 1)"`

/** Reads a machine's clock against ours. */
export async function readClock(machine: Machine, mark?: string): Promise<Clock> {
  const readings: Reading[] = []
  for (let turn = 0; turn < 4; turn++) {
    const sentAt = Date.now()
    const { stdout } = await machine.run(readScript, { timeoutMs: 30_000 })
    const gotAt = Date.now()
    const [uptime = Number.NaN, wall = Number.NaN] = stdout.trim().split(' ').map(Number)
    if (Number.isFinite(uptime) && Number.isFinite(wall)) {
      readings.push({ sentAt, gotAt, uptime, wall })
    }
  }
  if (mark === undefined) return clockOf(readings)
  const { stdout } = await machine.run(markScript(mark), { timeoutMs: 30_000 })
  const [, uptime, stamp] = /^([\d.]+) \[\s*([\d.]+)\]/.exec(stdout) ?? []
  const kernelAheadMs = stamp === undefined ? 0 : (Number(stamp) - Number(uptime)) * 1000
  return clockOf(readings, kernelAheadMs)
}

/** Moves a moment of our clock to the clock of a machine. */
export function onClockOf(clock: Clock, at: number): number {
  return at + clock.aheadMs
}

/** A moment told as a machine's uptime in seconds, on our clock. */
export function fromUptime(clock: Clock, seconds: number): number {
  return clock.bootedAt + seconds * 1000
}
