import type { Ability } from './environment.ts'
import type { Evidence } from './evidence.ts'
import type { Round } from './record/round-record.ts'
import type { RoundContext } from './round-context.ts'
import type { Sight } from './system.ts'

/** One thing that can go wrong, or is done on purpose, and what must then be true. */
export interface Drill<P = unknown, S extends Sight = Sight> {
  /** In kebab-case, as `--only` names it. */
  readonly name: string
  /** What it does, for whoever is asked whether it may. */
  readonly about: string
  readonly needs: readonly Ability[]
  /** Injects the fault, waits for what must come, and registers how everything is undone. */
  run(context: RoundContext<P, S>): Promise<void>
  /** Whether the service is on the other node in the end. */
  readonly moves: boolean | 'either'
  /** Something was cut off in the middle: the filesystem is checked after every round. */
  readonly crash?: boolean
  /** The longest a client may have waited for a new file, in milliseconds; told, not a pass mark. */
  budgetMs?(plan: P): number
  /** The longest a client may have to wait where the service has no reason to move: a pass mark. */
  maxStallMs?(plan: P): number
  /** Failures of the client that are what this drill is about, such as ENOSPC. */
  readonly expects?: readonly string[]
  /** What the logs must show afterwards: a sentence for what they do not. */
  proof?(evidence: Evidence, context: RoundContext<P, S>): Promise<readonly string[]>
  /** Loses writes on purpose: what the checker finds is no breach. */
  readonly isControl?: boolean
  /** Leaves the pair broken for good: the environment is put back before and after it. */
  readonly spoils?: boolean
  /** Two nodes may serve for a while, each cut off from the other. */
  readonly mayBeUnsafe?: boolean
}

/** A pair broken on purpose, and what shows that the checker saw it. */
export interface Control<P = unknown, S extends Sight = Sight> {
  readonly drill: Drill<P, S>
  /** The node that must serve when it begins, where that is not for whoever runs it to say. */
  active?(plan: P): string | undefined
  /** By what it was caught, as a sentence; undefined where the checker saw nothing. */
  caught(round: Round): string | undefined
}
