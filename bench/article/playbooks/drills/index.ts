import { defineDrills } from '../../../../lib/drill/index.ts'
import { controls } from '../../../../playbooks/drills/controls/index.ts'
import { drills } from '../../../../playbooks/drills/index.ts'
import { planOf } from '../../../../playbooks/drills/pair/plan.ts'
import type { PairPlan, PairState } from '../../../../playbooks/drills/pair/state.ts'
import { pairSystem } from '../../../../playbooks/drills/pair/system.ts'

/** The same faults for the article's pair, whose programs the distribution's units start. */
export default defineDrills<PairPlan, PairState>({
  drills,
  controls,
  plan: (inventory, slow) => ({
    ...planOf(inventory, slow),
    recipe: 'article',
    programs: ['rpc.mountd'],
    movesBack: true,
  }),
  system: pairSystem,
})
