import { randomInt } from 'node:crypto'
import { poll } from '../core/poll.ts'
import type { Environment } from './environment.ts'
import type { Sight } from './system.ts'

/** Which node serves when a round begins: the one of that name, or either, by chance. */
export type Active = 'either' | (string & {})

/** How a round is begun. */
export interface StartOptions {
  /** Stays where it is unless given. */
  readonly active?: Active
  readonly say: (text: string) => void
  readonly signal: AbortSignal
}

/** The node that is to serve; said where chance has chosen it. */
export function chosenNode(
  { system }: Pick<Environment, 'system'>,
  active: Active,
  say: (text: string) => void,
): string {
  if (active !== 'either') return active
  const name = system.nodes[randomInt(2)] ?? system.nodes[0]
  say(`${name} is to serve (by chance)`)
  return name
}

/** How the pair was found: what keeps the round from beginning is a sentence each. */
export interface Begun<S extends Sight> {
  readonly first: S
  readonly wrong: readonly string[]
}

/** Moves the service to where the round is to begin, if the pair is whole. */
export async function begin<P, S extends Sight>(
  environment: Environment<P, S>,
  options: StartOptions,
): Promise<Begun<S>> {
  const { active, say, signal } = options
  const { system } = environment
  const found = await environment.look({ arp: true })
  const stays = active === undefined || (active === 'either' && system.movesBack)
  const wrong = system.notWhole(found)
  if (stays || wrong.length > 0) return { first: found, wrong }
  const wanted = chosenNode(environment, active, say)
  if (system.serving(found) === wanted) return { first: found, wrong }
  say(`the service is moved to ${wanted} first`)
  const { code } = await environment.play(system.move)
  // The node that gave the service away may still be at work on it.
  let last = found
  const moved = async () => {
    last = await environment.look({ arp: true })
    const isThere = system.serving(last) === wanted && system.notWhole(last).length === 0
    return isThere ? last : undefined
  }
  const first = await poll(moved, { everyMs: 1_000, limitMs: system.moveLimitMs, signal })
  if (first) return { first, wrong: [] }
  const why = `npm run play ${system.move.join(' ')} did not move the service to ${wanted} (exit code ${code})`
  const left = system.notWhole(last)
  return { first: last, wrong: system.serving(last) === wanted ? left : [why, ...left] }
}
