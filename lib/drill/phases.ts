import type { Mark, MarkEvent } from './marks.ts'
import type { Operation, Phase, Phases, Work } from './types.ts'

/** What the phases of one move are made of; all times on one clock. */
export interface Samples {
  /** When the fault was injected, or the move was asked for. */
  readonly fault: number
  readonly from: string
  readonly to: string
  readonly marks: readonly Mark[]
  readonly operations: readonly Operation[]
}

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
  const began = first(to, 'start-began')
  const leaves = first(from, 'stop-began')
  const stopped = first(from, 'stop-ended') ?? first(from, 'demoted')
  const vip = first(to, 'vip-up')
  const served = vip === undefined ? undefined : firstOk(operations, openFile, vip)
  const created = served === undefined ? undefined : firstOk(operations, ['create'], served)
  // Only a node that gives up in order leaves: a dead one has no stop.
  const isMove = leaves !== undefined && (began === undefined || leaves <= began)
  const ends: readonly [Phase, number | undefined][] = [
    ['detect', isMove ? leaves : (began ?? first(to, 'promoted'))],
    ['stop', isMove ? (stopped ?? began) : undefined],
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

/** The first operation acknowledged after `at`. */
function firstOk(operations: readonly Operation[], works: readonly Work[], at: number) {
  const times = operations.flatMap(({ work, outcome, endedMs }) =>
    outcome === 'ok' && endedMs !== undefined && endedMs >= at && works.includes(work)
      ? [endedMs]
      : [],
  )
  return times.length > 0 ? Math.min(...times) : undefined
}
