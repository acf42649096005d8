import type { PairPlan } from './state.ts'

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
