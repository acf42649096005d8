import type { Evidence } from './evidence.ts'
import type { Ability } from './ground.ts'
import type { PairPlan } from './pair.ts'
import type { Stage } from './stage.ts'

/** One thing that can go wrong, or is done on purpose, and what must then be true. */
export interface Drill {
  /** In kebab-case, as `--only` names it. */
  readonly name: string
  /** What it does, for whoever is asked whether it may. */
  readonly about: string
  readonly needs: readonly Ability[]
  /** Injects the fault, waits for what must come, and registers how everything is undone. */
  run(stage: Stage): Promise<void>
  /** Whether the service is on the other node in the end. */
  readonly moves: boolean | 'either'
  /** Something was cut off in the middle: the filesystem is checked after every round. */
  readonly crash?: boolean
  /** The longest a client may have waited for a new file, in milliseconds; told, not a pass mark. */
  budgetMs?(plan: PairPlan): number
  /** The longest a client may have to wait where the service has no reason to move: a pass mark. */
  maxStallMs?(plan: PairPlan): number
  /** Failures of the client that are what this drill is about, such as ENOSPC. */
  readonly expects?: readonly string[]
  /** What the logs must show afterwards: a sentence for what they do not. */
  proof?(evidence: Evidence, stage: Stage): Promise<readonly string[]>
  /** Loses writes on purpose: what the checker finds is no breach. */
  readonly isControl?: boolean
  /** Leaves the pair broken for good: the ground is put back before and after it. */
  readonly spoils?: boolean
  /** Two nodes may serve for a while, each cut off from the other. */
  readonly mayBeUnsafe?: boolean
}

/** Five seconds for a planned move, and for what follows once a dead node is known to be dead. */
export const planned = ({ slow }: PairPlan): number => 5_000 * slow

/** What a crash may cost: heartbeat must first be sure. */
export const crash = (plan: PairPlan): number => plan.heartbeat.deadtime * 1_000 + planned(plan)

/** What a crash may cost where the peer must be confirmed off before anything is promoted. */
export const fenced = (plan: PairPlan): number => crash(plan) + 10_000

/** What the loss of the standby, or of the line to it, may cost: the server must first be sure of it. */
export const heldMs = 15_000

/** What clients may wait for at most where the server becomes deaf: a crash, and grace behind it. */
export const deaf = (plan: PairPlan): number => fenced(plan) + plan.grace * 1_000
