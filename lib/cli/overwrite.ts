import { groupHosts } from '../engine/plan.ts'
import { UsageError } from '../errors.ts'
import { type Inventory, unknownName } from '../inventory/index.ts'
import type { Playbook } from '../task.ts'

/**
 * The inventory with `vars.overwrite`, the disks that may be overwritten, each as HOST:DEVICE. Throws
 * UsageError where one names no host or no device, or the playbook takes none.
 */
export function withOverwrite(
  playbook: Playbook,
  inventory: Inventory,
  overwrite: readonly string[] | undefined,
): Inventory {
  if (overwrite === undefined) return inventory
  if (!playbook.takesOverwrite) {
    throw new UsageError(`${playbook.name} takes no --overwrite: only site and its roles do`)
  }
  const hosts = groupHosts(inventory, playbook.plays[0]?.hosts ?? 'all')
  for (const word of overwrite) {
    const [, host] = /^([^:/]+):\/./.exec(word) ?? []
    if (host === undefined) {
      throw new UsageError(
        `Expected --overwrite HOST:DEVICE, such as ${hosts[0]}:/dev/sdb, got \`${word}\``,
      )
    }
    if (!hosts.includes(host)) throw new UsageError(unknownName('host', host, hosts))
  }
  return { ...inventory, vars: { ...(inventory.vars as object), overwrite } }
}
