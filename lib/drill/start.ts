import { randomInt } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Ground } from './ground.ts'
import { notWhole, type PairState, servingOf } from './pair.ts'
import { alive } from './stage.ts'

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
export function chosenNode(ground: Ground, active: Active, say: (text: string) => void): string {
  if (active !== 'either') return active
  const { name } = ground.plan.nodes[randomInt(2)] ?? ground.plan.nodes[0]
  say(`${name} is to serve (by chance)`)
  return name
}

/** How the pair was found: what keeps the round from beginning is a sentence each. */
export interface Begun {
  readonly first: PairState
  readonly wrong: readonly string[]
}

/** Moves the service to where the round is to begin, if the pair is whole. */
export async function begin(ground: Ground, options: StartOptions): Promise<Begun> {
  const { active, say, signal } = options
  const { plan } = ground
  const found = await ground.look({ arp: true })
  // The article's recipe moves the service back to the preferred node by itself.
  const stays = active === undefined || (active === 'either' && plan.recipe !== 'tandem')
  const wrong = notWhole(found)
  if (stays || wrong.length > 0) return { first: found, wrong }
  const wanted = chosenNode(ground, active, say)
  if (servingOf(found)?.name === wanted) return { first: found, wrong }
  say(`the service is moved to ${wanted} first`)
  const { code } = await ground.play(['switchover'])
  // Heartbeat may still be at work on the node that gave the service away.
  const end = Date.now() + (plan.heartbeat.deadtime + 30 * plan.slow) * 1_000
  for (;;) {
    alive(signal)
    const first = await ground.look({ arp: true })
    const isThere = servingOf(first)?.name === wanted
    const left = notWhole(first)
    if (isThere && left.length === 0) return { first, wrong: left }
    if (Date.now() > end) {
      const why = `the switchover did not move the service to ${wanted} (exit code ${code})`
      return { first, wrong: isThere ? left : [why, ...left] }
    }
    await sleep(1_000)
  }
}
