import { counterProblems, type Round } from '../../../lib/drill/index.ts'
import type { PairPlan } from '../pair/state.ts'
import type { Control } from '../pair/words.ts'
import { answer5, fencingOff, isolatedFencingOff } from './fencing.ts'
import { control } from './promises.ts'

/** The node that heartbeat does not prefer. */
const notPreferred = ({ nodes, preferred }: PairPlan) =>
  nodes.find(({ name }) => name !== preferred)?.name

function lost({ verdict }: Round): string | undefined {
  const { length } = verdict.lost
  return length > 0
    ? `${length} of ${verdict.acknowledged} acknowledged writes are lost`
    : undefined
}

function bothWrote({ written }: Round): string | undefined {
  return written && counterProblems(written, 'nfsd')[0]
}

function twoServed({ problems }: Round): string | undefined {
  return problems.find((text) => /^DRBD is Primary on \w+ and \w+$/.test(text))
}

/** All controls, in the order they are run; each must be caught, or the drills prove nothing. */
export const controls: readonly Control[] = [
  { drill: control, caught: lost },
  { drill: fencingOff, caught: (round) => lost(round) ?? bothWrote(round) },
  { drill: isolatedFencingOff, active: notPreferred, caught: twoServed },
  { drill: answer5, caught: lost },
]
