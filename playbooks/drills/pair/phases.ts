import type { Operation, Phases, Samples, Work } from '../../../lib/drill/index.ts'
import type { MarkEvent } from './marks.ts'

/** Where the time of a stall goes, in order. */
export const phases = [
  'detect',
  'stop',
  'fence',
  'promote',
  'mount',
  'nfsd',
  'vip',
  'reconnect',
  'grace',
] as const
type Phase = (typeof phases)[number]

const openFile: readonly Work[] = ['append', 'overwrite', 'read', 'rename']

/** Where the time of a stall went; a phase that left no trace is left out, its time in the next. */
export function phasesOf({ fault, from, to, marks, operations }: Samples): Phases {
  // A stamp may be a hair older than the fault as noted: clocks are compared to some milliseconds.
  const early = fault - 250
  const first = (node: string, event: MarkEvent) => {
    const times = marks
      .filter((mark) => mark.node === node && mark.event === event && mark.at >= early)
      .map(({ at }) => at)
    return times.length > 0 ? Math.min(...times) : undefined
  }
  const fence = fenceOf(marks.filter(({ node, at }) => node === to && at >= early))
  if (to === from) return held(fault, fence)
  const began = first(to, 'start-began')
  const leaves = first(from, 'stop-began')
  const stopped = first(from, 'stop-ended') ?? first(from, 'demoted')
  const vip = first(to, 'vip-up')
  const served = vip === undefined ? undefined : firstOk(operations, openFile, vip)
  const created = served === undefined ? undefined : firstOk(operations, ['create'], served)
  // Only a node that gives up in order leaves: a dead one has no stop.
  const isMove = leaves !== undefined && (began === undefined || leaves <= began)
  const ends: readonly [Phase, number | undefined][] = [
    ['detect', isMove ? leaves : earliest(began ?? first(to, 'promoted'), fence?.from)],
    ['stop', isMove ? (stopped ?? began) : undefined],
    ['fence', fence?.to],
    ['promote', first(to, 'promoted')],
    ['mount', first(to, 'mounted')],
    ['nfsd', first(to, 'nfsd-up')],
    ['vip', vip],
    ['reconnect', served],
    ['grace', created],
  ]
  const phases: Partial<Record<Phase, number>> = {}
  let last = fault
  for (const [phase, at] of ends) {
    if (at === undefined) continue
    // Some recipes have the address before nfsd: what was there already took no time of its own.
    const end = Math.max(last, at)
    phases[phase] = Math.round(end - last)
    last = end
  }
  return phases
}

/**
 * When a node made sure of its peer. Stamps are nested, where DRBD's question ends in a power-off, and
 * an attempt that failed has no end: the last end before the promotion is the one that writes waited for.
 */
function fenceOf(marks: Samples['marks']): { from: number; to: number } | undefined {
  const times = (event: MarkEvent) =>
    marks.filter((mark) => mark.event === event).map(({ at }) => at)
  const from = Math.min(...times('fence-began'))
  const promoted = Math.min(...times('promoted').filter((at) => at >= from))
  const to = Math.max(...times('fence-ended').filter((at) => at >= from && at <= promoted))
  return Number.isFinite(from) && Number.isFinite(to) ? { from, to } : undefined
}

/** A node that stayed, and held its writes until it was sure of its peer. */
function held(fault: number, fence: { from: number; to: number } | undefined): Phases {
  if (!fence) return {}
  const detect = Math.max(0, Math.round(fence.from - fault))
  return { detect, fence: Math.round(fence.to - fence.from) }
}

const earliest = (...times: readonly (number | undefined)[]): number | undefined => {
  const known = times.filter((time) => time !== undefined)
  return known.length > 0 ? Math.min(...known) : undefined
}

/** The first operation acknowledged after `at`. */
function firstOk(operations: readonly Operation[], works: readonly Work[], at: number) {
  const times = operations.flatMap(({ work, outcome, endedMs }) =>
    outcome === 'ok' && endedMs !== undefined && endedMs >= at && works.includes(work)
      ? [endedMs]
      : [],
  )
  return times.length > 0 ? Math.min(...times) : undefined
}
