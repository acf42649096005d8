import type { NodeContext } from '../../inventory/schema.ts'
import { type Playbook, type Role, role, type Task } from '../../lib/index.ts'
import start, { startsAtBoot } from '../integrate/start.ts'

/** A role for the nodes. */
export type NodeRole = Role<NodeContext['vars'], NodeContext['host']['vars']>

/** Roles of site that verify looks at in a way of its own, and why. */
export const looksElsewhere: Readonly<Record<string, string>> = {
  preflight: 'It is looked at first, by a role of its own that waits for no other node.',
  'integrate/start':
    'Whether heartbeat runs, sees its peer and one node serves is told once, by verify/cluster.',
  'integrate/service':
    'The parts of the service are told for the pair, by verify/cluster, and what they run with by verify/service.',
  'nfs/client': 'Clients are asked through the address, by verify/client.',
}

/** A task that only looks: what it would change is a failure that names the change. */
export function handless({ check }: Task): Pick<Task, 'check' | 'apply'> {
  return {
    check: async (host) => {
      const found = await check(host)
      if (found) throw new Error(found.summary)
      return undefined
    },
    apply: async () => {},
  }
}

/** A task of the role `from` that only looks; its title begins with that role's name. */
export function verified(task: Task, from: string): Task {
  return {
    title: `${from}: ${task.title}`,
    ...(task.notice !== undefined && { notice: task.notice }),
    ...handless(task),
  }
}

/** The roles of site whose tasks verify runs without their `apply`: all that run on the nodes, but those above. */
export const lookedAt = (site: Playbook<never, never>): readonly NodeRole[] =>
  site.plays
    .filter(({ hosts }) => hosts === 'nodes')
    .flatMap(({ roles }) => roles as readonly unknown[] as readonly NodeRole[])
    .filter(({ name }) => !Object.hasOwn(looksElsewhere, name))

/**
 * S2, S3, S5, S8 to S10, S12: every node is what `site` would make of it. Both nodes are compared
 * with one inventory, so their configuration is also identical.
 */
export const configOf = (site: Playbook<never, never>): NodeRole =>
  role('verify/config', (context: NodeContext) => [
    ...lookedAt(site).flatMap((one) => one.tasks(context).map((task) => verified(task, one.name))),
    verified(startsAtBoot(context.vars), start.name),
  ])
