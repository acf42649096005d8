import type { Site } from '../../../inventory/schema.ts'
import { type DrillInventory, UsageError } from '../../../lib/drill/index.ts'
import type { PairPlan } from './state.ts'

/** What every host of a pair's inventory has, a node as well as a client. */
interface Machine {
  readonly kind: 'node' | 'client'
  readonly fqdn: string
  readonly em1: { readonly device: string; readonly address: string }
}

const isMachine = (vars: unknown): vars is Machine =>
  typeof vars === 'object' && vars !== null && 'kind' in vars

/** What drills need of an inventory; throws UsageError where it has not a pair and a client. */
export function planOf(inventory: DrillInventory, slow: number): PairPlan {
  const hosts = Object.entries(inventory.hosts).flatMap(([name, { vars }]) =>
    isMachine(vars) ? [{ name, ...vars }] : [],
  )
  const nodes = hosts.filter(({ kind }) => kind === 'node')
  const client = hosts.find(({ kind }) => kind === 'client')
  const [one, two, ...more] = nodes
  if (!one || !two || more.length > 0) {
    throw new UsageError(`Inventory ${inventory.name} is not one of a pair: nothing to drill`)
  }
  if (!client) {
    throw new UsageError(
      `Inventory ${inventory.name} has no client: drills need one whose writes are watched`,
    )
  }
  // Its schema has seen to that: the inventory was loaded.
  const { preferred, vip, drbd, heartbeat, nfs, client: mount } = inventory.vars as Site
  return {
    recipe: 'tandem',
    programs: ['nfsdcld', 'rpc.mountd'],
    movesBack: false,
    nodes: [
      { name: one.name, fqdn: one.fqdn },
      { name: two.name, fqdn: two.fqdn },
    ],
    preferred,
    client: { name: client.name, device: client.em1.device, mountPoint: mount.mountPoint },
    vip,
    drbd,
    path: nfs.path,
    heartbeat,
    grace: nfs.grace,
    slow,
  }
}
