import type { Mark, Operation, Span, Timeline, Work } from './record/round-record.ts'
import type { Part, Sight, System } from './system.ts'

/** What a timeline is made of; every time on the client's clock. */
export interface TimelineSource<S extends Sight> {
  readonly from: number
  readonly to: number
  readonly looks: readonly S[]
  readonly marks: readonly Mark[]
  readonly notes: readonly { readonly at: number; readonly text: string }[]
  readonly operations: readonly Operation[]
}

/** Draws a round: what was up where, what was done when, and what the client was acknowledged. */
export function timelineOf<S extends Sight>(
  { nodes, parts, noteOf }: Pick<System<S>, 'nodes' | 'parts' | 'noteOf'>,
  source: TimelineSource<S>,
): Timeline {
  const { from, to, marks, notes, operations } = source
  const lanes = nodes.flatMap((name) =>
    parts.map((part) => ({
      title: `${name} ${part.title}`,
      spans: spansOf(name, part, source),
    })),
  )
  const acknowledged: Partial<Record<Work, number[]>> = {}
  for (const { work, outcome, endedMs } of operations) {
    if (outcome !== 'ok' || endedMs === undefined) continue
    acknowledged[work] ??= []
    acknowledged[work].push(endedMs)
  }
  const told = marks.flatMap((mark) => {
    const text = noteOf(mark)
    return text === undefined ? [] : [{ at: mark.at, text }]
  })
  const inside = ({ at }: { at: number }) => at >= from && at <= to
  return { from, to, lanes, marks: [...notes, ...told].filter(inside), acknowledged }
}

/** When a part was up on a node: looks tell that, and marks between two looks tell exactly when. */
function spansOf<S extends Sight>(
  name: string,
  part: Part<S>,
  { from, to, looks, marks }: TimelineSource<S>,
): Span[] {
  const spans: Span[] = []
  let since: number | undefined
  let before = from
  let seen = from
  for (const look of looks) {
    const up = part.has(look, name)
    const between = (event: string) =>
      marks.findLast(
        (mark) =>
          mark.node === name && mark.event === event && mark.at >= before && mark.at <= look.at,
      )?.at
    if (up && since === undefined) since = between(part.on) ?? (before === from ? from : look.at)
    if (!up && since !== undefined) {
      spans.push({ from: since, to: Math.max(since, between(part.off) ?? seen) })
      since = undefined
    }
    before = look.askedAt
    seen = look.at
  }
  if (since !== undefined) spans.push({ from: since, to })
  return spans
}
