import { counterProblems } from '../counters.ts'
import type { Drill } from '../drill.ts'
import type { Round } from '../types.ts'
import { answer5, fencingOff, isolatedFencingOff } from './fencing.ts'
import { control } from './promises.ts'

/** A pair broken on purpose, and what shows that the checker saw it. */
export interface Control {
  readonly drill: Drill
  /** The node that must not be the one that serves when it begins: the one that heartbeat prefers. */
  readonly awayFromPreferred?: true
  /** By what it was caught, as a sentence; undefined where the checker saw nothing. */
  caught(round: Round): string | undefined
}

function lost({ verdict }: Round): string | undefined {
  const { length } = verdict.lost
  return length > 0
    ? `${length} of ${verdict.acknowledged} acknowledged writes are lost`
    : undefined
}

function bothWrote({ nfsd }: Round): string | undefined {
  return nfsd && counterProblems(nfsd)[0]
}

/** All controls, in the order they are run; each must be caught, or the drills prove nothing. */
export const controls: readonly Control[] = [
  { drill: control, caught: lost },
  { drill: fencingOff, caught: (round) => lost(round) ?? bothWrote(round) },
  { drill: isolatedFencingOff, awayFromPreferred: true, caught: lost },
  { drill: answer5, caught: lost },
]
