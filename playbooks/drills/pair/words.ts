import type * as general from '../../../lib/drill/index.ts'
import type { PairPlan, PairState } from './state.ts'

// The general words, said of a pair.
export type Drill = general.Drill<PairPlan, PairState>
export type Control = general.Control<PairPlan, PairState>
export type RoundContext = general.RoundContext<PairPlan, PairState>
export type Environment = general.Environment<PairPlan, PairState>
export type System = general.System<PairState>
