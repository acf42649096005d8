import type { Timeline } from '../record/round-record.ts'

/** Width of a picture; the page scales it down, or scrolls it on a narrow screen. */
export const width = 1080
/** Where the time begins: the names of the lanes stand before it. */
export const left = 150
const right = width - 14

/** Round numbers between two times, in milliseconds, at most so many. */
export function ticks(from: number, to: number, most: number): number[] {
  const rough = Math.max(1, to - from) / most
  const power = 10 ** Math.floor(Math.log10(rough))
  const step = ([1, 2, 5].find((factor) => factor * power >= rough) ?? 10) * power
  const first = Math.ceil(from / step)
  const last = Math.floor(to / step)
  return Array.from({ length: Math.max(0, last - first + 1) }, (_, at) => (first + at) * step)
}

/** Where the moments of a timeline are in its picture. */
export interface Frame {
  readonly from: number
  readonly to: number
  /** What the axis counts from. */
  readonly zero: number
  /** Undefined where the round has no mark that begins with "fault". */
  readonly fault: number | undefined
  /** What lies outside of the timeline is drawn at its edge. */
  readonly x: (at: number) => number
}

/** The scale of one timeline. */
export function frameOf({ from, to, marks }: Timeline): Frame {
  const fault = marks.find(({ text }) => text.startsWith('fault'))?.at
  const scale = (right - left) / Math.max(1, to - from)
  return {
    from,
    to,
    zero: fault ?? from,
    fault,
    x: (at) => left + Math.min(Math.max(0, at - from), Math.max(1, to - from)) * scale,
  }
}

/** The right end of the time axis. */
export const end = right
