import { UsageError } from '../core/errors.ts'
import { unknownName } from '../core/suggest.ts'
import type { Inventory } from './types.ts'

/**
 * Host names for `--limit M2,nodes,!M1`, in the inventory's order: hosts and groups, less those after `!`.
 * Throws UsageError for a name that does not exist, and when nothing is left.
 */
export function select(inventory: Inventory, limit: readonly string[]): string[] {
  const hosts = Object.keys(inventory.hosts)
  const words = limit.join(',').split(/^\s+|\s*,\s*|\s+$/)
  const members = (name: string): readonly string[] => {
    if (name === 'all') return hosts
    if (hosts.includes(name)) return [name]
    const group = Object.hasOwn(inventory.groups, name) ? inventory.groups[name] : undefined
    if (group) return group
    const names = [...hosts, ...Object.keys(inventory.groups), 'all']
    throw new UsageError(unknownName('host or group', name, names))
  }
  const included = new Set<string>()
  const excluded = new Set<string>()
  for (const word of words.filter(Boolean)) {
    const [target, name] = word.startsWith('!') ? [excluded, word.slice(1)] : [included, word]
    for (const host of members(name)) target.add(host)
  }
  // Only exclusions mean "all but these".
  const from = included.size > 0 ? included : new Set(excluded.size > 0 ? hosts : [])
  const selected = hosts.filter((host) => from.has(host) && !excluded.has(host))
  if (selected.length > 0) return selected
  throw new UsageError(`--limit ${limit.join(',')} leaves no host; there are: ${hosts.join(', ')}`)
}
