import type { Mark, MarkEvent } from './marks.ts'
import { type NodeState, nodeOf, type PairState } from './pair.ts'
import type { Operation, Span, Timeline, Work } from './types.ts'

/** What a timeline is made of; every time on the client's clock. */
export interface TimelineSource {
  readonly from: number
  readonly to: number
  readonly looks: readonly PairState[]
  readonly marks: readonly Mark[]
  readonly notes: readonly { readonly at: number; readonly text: string }[]
  readonly operations: readonly Operation[]
}

const parts: readonly {
  readonly title: string
  readonly has: (node: NodeState) => boolean
  readonly on: MarkEvent
  readonly off: MarkEvent
}[] = [
  {
    title: 'DRBD Primary',
    has: ({ replica }) => replica.role === 'Primary',
    on: 'promoted',
    off: 'demoted',
  },
  { title: 'nfsd', has: ({ threads }) => threads > 0, on: 'nfsd-up', off: 'nfsd-down' },
  { title: 'VIP', has: ({ vip }) => vip, on: 'vip-up', off: 'vip-down' },
]

/** Draws a round: what was up where, what was done when, and what the client was acknowledged. */
export function timelineOf(source: TimelineSource): Timeline {
  const { from, to, looks, marks, notes, operations } = source
  const names = looks[0]?.nodes.map(({ name }) => name) ?? []
  const lanes = names.flatMap((name) =>
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
  const told = marks
    .filter(({ event }) => /^(grace|fence)-/.test(event))
    .map(({ at, node, event }) => ({ at, text: `${node} ${event.replace('-', ' ')}` }))
  const inside = ({ at }: { at: number }) => at >= from && at <= to
  return { from, to, lanes, marks: [...notes, ...told].filter(inside), acknowledged }
}

/** When a part was up on a node: looks tell that, and marks between two looks tell exactly when. */
function spansOf(
  name: string,
  part: (typeof parts)[number],
  { from, to, looks, marks }: TimelineSource,
): Span[] {
  const spans: Span[] = []
  let since: number | undefined
  let before = from
  let seen = from
  for (const look of looks) {
    const node = nodeOf(look, name)
    const up = node?.reached === true && part.has(node)
    const between = (event: MarkEvent) =>
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
