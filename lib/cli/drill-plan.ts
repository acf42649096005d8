import { z } from 'zod'
import type { PairPlan } from '../drill/pair.ts'
import { UsageError } from '../errors.ts'
import type { Inventory } from '../inventory/index.ts'

const line = z.object({ device: z.string(), address: z.string() })
const host = z.object({ kind: z.string(), fqdn: z.string(), em1: line })
const site = z.object({
  recipe: z.string().default('tandem'),
  preferred: z.string(),
  vip: line,
  drbd: z.object({
    resource: z.string(),
    minor: z.number(),
    disk: z.string(),
    stateDisk: z.string().optional(),
    maxRate: z.string(),
  }),
  heartbeat: z.object({ deadtime: z.number(), initdead: z.number() }),
  nfs: z.object({ path: z.string(), grace: z.number() }),
  client: z.object({ mountPoint: z.string() }),
})

/** What drills need of an inventory; throws UsageError where it has not a pair and a client. */
export function planOf(inventory: Inventory, slow: number): PairPlan {
  const vars = site.safeParse(inventory.vars)
  const hosts = Object.entries(inventory.hosts).flatMap(([name, entry]) => {
    const found = host.safeParse(entry.vars)
    return found.success ? [{ name, ...found.data }] : []
  })
  const nodes = hosts.filter(({ kind }) => kind === 'node')
  const client = hosts.find(({ kind }) => kind === 'client')
  const [one, two, ...more] = nodes
  if (!vars.success || !one || !two || more.length > 0) {
    throw new UsageError(`Inventory ${inventory.name} is not one of a pair: nothing to drill`)
  }
  if (!client) {
    throw new UsageError(
      `Inventory ${inventory.name} has no client: drills need one whose writes are watched`,
    )
  }
  const { recipe, preferred, vip, drbd, heartbeat, nfs, client: mount } = vars.data
  return {
    recipe,
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
