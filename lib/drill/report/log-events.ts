import type { Timeline } from '../record/round-record.ts'
import { short, textWidth } from './figures.ts'
import { type Frame, width } from './frame.ts'

/** A mark whose label has a place: row 0 is the one next to the lanes. */
export interface Placed {
  readonly at: number
  readonly text: string
  readonly label: string
  readonly x: number
  readonly row: number
  /** The label stands before its line, because it would not fit behind it. */
  readonly before: boolean
}

const gap = 5

/** The fault's own label is bold. */
const labelWidth = (label: string, size: number): number =>
  textWidth(label, size) * (label.startsWith('fault') ? 1.1 : 1)

/**
 * Labels so that none covers another and no line goes through one: of two that are close the left
 * one stands higher, since its text runs over the line of the right one; at the right edge, where
 * texts stand before their lines, it is the other way round.
 */
export function placeMarks(marks: Timeline['marks'], frame: Frame, size: number): Placed[] {
  const sorted = [...marks]
    .sort((a, b) => a.at - b.at)
    .map(({ at, text }) => {
      const label = short(text, 52)
      return { at, text, label, x: frame.x(at), long: labelWidth(label, size) + gap }
    })
  let before = sorted.findIndex(({ x, long }) => x + long > width)
  if (before < 0) before = sorted.length
  for (;;) {
    const last = sorted[before - 1]
    const next = sorted[before]
    if (!last || !next || last.x + last.long < next.x) break
    before -= 1
  }

  const rows: number[] = []
  const highest = (taken: readonly number[]) => Math.max(-1, ...taken)
  for (let at = before - 1; at >= 0; at--) {
    const own = sorted[at]
    if (!own) continue
    const close = sorted.flatMap(({ x }, other) =>
      other > at && other < before && x <= own.x + own.long ? (rows[other] ?? -1) : [],
    )
    rows[at] = highest(close) + 1
  }
  for (let at = before; at < sorted.length; at++) {
    const own = sorted[at]
    if (!own) continue
    const close = sorted.slice(0, at).flatMap(({ x, long }, other) => {
      const to = other < before ? x + long : x
      return to >= own.x - own.long ? (rows[other] ?? -1) : []
    })
    rows[at] = highest(close) + 1
  }
  return sorted.map(({ long: _, ...mark }, at) => ({
    ...mark,
    row: rows[at] ?? 0,
    before: at >= before,
  }))
}
