import type * as general from '../../../lib/drill/index.ts'
import type { PairPlan, PairState } from './state.ts'

// The general words, said of a pair.
export type Drill = general.Drill<PairPlan, PairState>
export type Control = general.Control<PairPlan, PairState>
export type Stage = general.Stage<PairPlan, PairState>
export type Ground = general.Ground<PairPlan, PairState>
export type System = general.System<PairState>
