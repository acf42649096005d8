import { groupHosts } from '../engine/plan.ts'
import { UsageError } from '../errors.ts'
import { type Inventory, unknownName } from '../inventory/index.ts'
import type { Playbook } from '../task.ts'

/**
 * The inventory with `vars.victim`, the node that `--victim` names, for a playbook that asks for it.
 * Throws UsageError where it is missing, is no host of the playbook's, or was not asked for.
 */
export function withVictim(
  playbook: Playbook,
  inventory: Inventory,
  victim: string | undefined,
): Inventory {
  if (playbook.asks !== 'victim') {
    if (victim === undefined) return inventory
    throw new UsageError(
      `${playbook.name} takes no --victim: only recover-split-brain and resync do`,
    )
  }
  const nodes = groupHosts(inventory, playbook.plays[0]?.hosts ?? 'all')
  if (victim === undefined) {
    throw new UsageError(
      `Expected --victim with the node whose changes are given up, one of ${nodes.join(', ')}; npm run play verify tells which node serves`,
    )
  }
  if (!nodes.includes(victim)) throw new UsageError(unknownName('node', victim, nodes))
  return { ...inventory, vars: { ...(inventory.vars as object), victim } }
}
