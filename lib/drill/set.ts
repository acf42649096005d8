import type { Control, Drill } from './drill.ts'
import type { Sight, System } from './system.ts'

/** An inventory, as far as drills are concerned. */
export interface DrillInventory {
  readonly name: string
  readonly hosts: Readonly<Record<string, { readonly vars: unknown }>>
  readonly vars: unknown
}

/** What `playbooks/drills/index.ts` exports: what can go wrong with a system, and how it is looked at. */
export interface DrillSet<P = unknown, S extends Sight = Sight> {
  /** In the order they are run: what breaks least comes first. */
  readonly drills: readonly Drill<P, S>[]
  /** Each must be caught, or the drills prove nothing. */
  readonly controls: readonly Control<P, S>[]
  /** What drills need of an inventory; throws UsageError where it describes no such system. `slow`: how much longer than real machines these take. */
  plan(inventory: DrillInventory, slow: number): P
  system(plan: P): System<S>
}

/** Types a set of drills; changes nothing. */
export const defineDrills = <P, S extends Sight>(set: DrillSet<P, S>): DrillSet<P, S> => set
