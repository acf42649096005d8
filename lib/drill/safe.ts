import { setTimeout as sleep } from 'node:timers/promises'
import { sentence } from '../errors.ts'
import { type Ground, machineOf, must } from './ground.ts'
import { holdsAny, isComplete, type NodeState, type PairState, stateText } from './pair.ts'

/** Which nodes must be stopped so that at most one can serve. */
export function superfluous({ nodes }: PairState): readonly NodeState[] {
  const holders = nodes.filter(holdsAny)
  if (holders.length < 2) return []
  const worth = (node: NodeState) => [
    isComplete(node),
    node.replica.disk === 'UpToDate',
    node.vip,
    node.replica.role === 'Primary',
  ]
  const rank = (node: NodeState) =>
    worth(node).reduce(
      (sum, good, place, { length }) => sum + (good ? 2 ** (length - place) : 0),
      0,
    )
  const [, ...others] = [...holders].sort((a, b) => rank(b) - rank(a))
  return others
}

/**
 * Leaves at most one node serving: what else has a part of the service is stopped, its heartbeat
 * first, so that nothing is started behind our back. Says what it did and what it found.
 */
export async function makeSafe(
  ground: Ground,
  say: (text: string) => void,
  patienceMs = 60_000,
): Promise<PairState> {
  let state = await ground.look()
  // A move may be under way, and a node in the middle of it holds a part for a moment.
  const until = Date.now() + patienceMs
  while (superfluous(state).length > 0 && Date.now() < until) {
    await sleep(Math.min(2_000, patienceMs))
    state = await ground.look()
  }
  for (const { name } of superfluous(state)) {
    say(`${name} is stopped: two nodes must not serve`)
    try {
      await must(machineOf(ground, name), 'systemctl stop heartbeat', { timeoutMs: 300_000 })
    } catch (error) {
      say(`${name} could not be stopped: ${sentence(error)}; do it by hand before anything else`)
    }
  }
  state = await ground.look()
  say(`the pair is left so: ${stateText(state)}`)
  return state
}
