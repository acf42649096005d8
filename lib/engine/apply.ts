import { setImmediate as turn } from 'node:timers/promises'
import { sentence, Unreachable } from '../core/errors.ts'
import type { Change, CheckHost, Host } from '../core/task.ts'
import type { EventBody, Phase } from './events.ts'
import type { PlannedTask } from './plan.ts'
import { ask, type Lookahead, never } from './speculate.ts'

/** What an apply half has sent to the host so far. */
export interface Sent {
  /** Commands in the shell that questions go to, which answers them in order. */
  quick: number
  /** Everything else. */
  other: number
  /** It went on after its last quick command had ended. */
  lingers: boolean
}

/** What a run needs of one host. */
export interface Target {
  readonly name: string
  /** A view for checks; once `thrownAway` is aborted it asks nothing more. */
  look(thrownAway: AbortSignal, onPeer?: () => void): CheckHost
  /** Runs one apply half, counting what it sends. */
  apply(work: (host: Host) => Promise<void>, task: PlannedTask, sent: Sent): Promise<void>
  /** Lets one disruptive task run at a time over all hosts. */
  exclusively<T>(work: () => Promise<T>): Promise<T>
}

/** Looks at the tasks behind this one, through the view of its second check. */
export type LookAhead = (view: CheckHost, thrownAway: AbortController) => Lookahead

/**
 * Guards, applies and checks again; throws where any of the three says no. The second check shares
 * its round trip with those of the tasks behind, whose look is the result.
 */
export async function apply(
  planned: PlannedTask,
  change: Change,
  target: Target,
  emit: (event: EventBody) => void,
  ahead: LookAhead,
): Promise<Lookahead> {
  const { task } = planned
  const start = (phase: Phase, more: { change?: Change } = {}) =>
    emit({ type: 'task-start', host: target.name, task: planned.id, phase, ...more })
  const work = async (): Promise<Lookahead> => {
    const fresh = target.look(never)
    if (task.destroys) await task.destroys.proof(fresh)
    if (task.disruptive) await task.disruptive(fresh)
    start('apply', { change })
    const sent: Sent = { quick: 0, other: 0, lingers: false }
    const applied = target.apply((host) => task.apply(host, change), planned, sent)
    applied.catch(() => {})
    const early = await pipelined(planned, target, sent, ahead)
    try {
      await applied
    } catch (error) {
      early?.look.throwAway()
      if (!(error instanceof Unreachable)) throw error
      throw new Unreachable(
        `${sentence(error)}; the change may be incomplete (${change.summary}): run this again; each task checks before it changes anything`,
      )
    }
    start('recheck')
    if (early?.inOrder()) {
      const again = await early.again
      if (!('error' in again) && !again.change && !early.askedPeer()) return early.look
    }
    // What was asked too early proves nothing, neither that the change took nor that it did not.
    early?.look.throwAway()
    const late = both(planned, target, ahead)
    const again = await late.again
    if (!('error' in again) && !again.change) return late.look
    late.look.throwAway()
    if ('error' in again) throw again.error
    const left = again.change?.summary
    throw new Error(`the host is still not as it should be after the change: ${left}`)
  }
  if (!task.disruptive) return work()
  start('wait')
  return target.exclusively(work)
}

/** Asks this task's check again and, with it, those of the tasks behind. */
function both(planned: PlannedTask, target: Target, ahead: LookAhead, onPeer?: () => void) {
  const thrownAway = new AbortController()
  const view = target.look(thrownAway.signal, onPeer)
  return { again: ask(planned, view), look: ahead(view, thrownAway) }
}

/**
 * Asks behind a change that is still under way, where the host's shell answers after it: that is
 * so while all the apply half does is one quick command. A peer answers whenever it likes.
 */
async function pipelined(planned: PlannedTask, target: Target, sent: Sent, ahead: LookAhead) {
  // By then an apply half that begins with a quick command has sent it.
  await turn()
  const sequential = () => sent.quick === 1 && sent.other === 0 && !sent.lingers
  if (!sequential()) return undefined
  let peer = false
  const asked = both(planned, target, ahead, () => {
    peer = true
  })
  return { ...asked, inOrder: sequential, askedPeer: () => peer }
}
