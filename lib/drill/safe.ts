import { setTimeout as sleep } from 'node:timers/promises'
import { sentence } from '../core/errors.ts'
import type { Environment } from './environment.ts'
import { machineOf, must } from './machine/machine.ts'
import type { Sight } from './system.ts'

/**
 * Leaves at most one node serving: what else has a part of the service is stopped, so
 * that nothing is started behind our back. Says what it did and what it found.
 */
export async function makeSafe<P, S extends Sight>(
  environment: Environment<P, S>,
  say: (text: string) => void,
  patienceMs = 60_000,
): Promise<S> {
  const { system } = environment
  let state = await environment.look()
  // A move may be under way, and a node in the middle of it holds a part for a moment.
  const until = Date.now() + patienceMs
  while (system.superfluous(state).length > 0 && Date.now() < until) {
    await sleep(Math.min(2_000, patienceMs))
    state = await environment.look()
  }
  for (const name of system.superfluous(state)) {
    say(`${name} is stopped: two nodes must not serve`)
    try {
      await must(machineOf(environment, name), system.stop, { timeoutMs: 300_000 })
    } catch (error) {
      say(`${name} could not be stopped: ${sentence(error)}; do it by hand before anything else`)
    }
  }
  state = await environment.look()
  say(`the pair stays in this state: ${system.text(state)}`)
  return state
}
