import type { NodeContext } from '../../inventory/schema.ts'
import { type Role, role, type Task } from '../../lib/index.ts'
import { hosts, ntp, routes } from '../base/index.ts'
import build from '../drbd/build.ts'
import compare from '../drbd/compare.ts'
import config from '../drbd/config.ts'
import fencing from '../drbd/fencing.ts'
import init from '../drbd/init.ts'
import narrow from '../drbd/narrow.ts'
import power from '../fencing/configure.ts'
import configure from '../heartbeat/configure.ts'
import install from '../heartbeat/install.ts'
import resources from '../integrate/resources.ts'
import restart from '../integrate/restart.ts'
import start, { startsAtBoot } from '../integrate/start.ts'
import watch from '../integrate/watch.ts'
import exports from '../nfs/exports.ts'

/** Roles of site whose tasks need no hands to be looked at. */
export const roles: readonly Role<NodeContext['vars'], NodeContext['host']['vars']>[] = [
  ntp,
  hosts,
  routes,
  build,
  install,
  power,
  fencing,
  exports,
  config,
  init,
  configure,
  resources,
  restart,
  watch,
  compare,
  narrow,
]

/** Roles of site that verify looks at in a way of its own, and why. */
export const looksElsewhere: Readonly<Record<string, string>> = {
  'integrate/start':
    'Whether heartbeat runs, sees its peer and one node serves is told once, by verify/cluster.',
  'integrate/service':
    'The parts of the service are told for the pair, by verify/cluster, and what they run with by verify/service.',
  'nfs/client': 'Clients are asked through the address, by verify/client.',
}

/** The same task without its hands: what it would change is a failure that names it. */
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

/** The same for a task of another role, which its title names. */
export function verified(task: Task, from: string): Task {
  return {
    title: `${from}: ${task.title}`,
    ...(task.notice !== undefined && { notice: task.notice }),
    ...handless(task),
  }
}

/**
 * S2, S3, S5, S8 to S10, S12: every node is what `site` would make of it. Both nodes are compared
 * with one inventory, so their configuration is also identical.
 */
export default role('verify/config', (context: NodeContext) => [
  ...roles.flatMap((one) => one.tasks(context).map((task) => verified(task, one.name))),
  verified(startsAtBoot(context.vars), start.name),
])
