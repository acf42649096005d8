import { type Node, type NodeContext, peerOf, type Site } from '../../inventory/schema.ts'
import {
  change,
  type HostFacts,
  Refusal,
  type RoleContext,
  requirement,
  role,
  type Task,
  task,
} from '../../lib/index.ts'
import { manager } from '../cluster/index.ts'
import { describe, drbdStatus } from '../drbd/status.ts'
import { fence } from '../fencing/configure.ts'

/** The site's variables and the node that was named as off. */
type Chosen = Site & { readonly absent: string }

/** Refuses where a node shows a sign of life: on a line, over heartbeat, or by its power switch. */
export function doesNotAnswer({ vars }: NodeContext, dead: HostFacts<Node>): Task {
  const { em1, em2, em3 } = dead.vars
  const isFenced = vars.fencing !== 'none'
  return requirement(`${dead.name} does not answer`, async ({ $, name }) => {
    const [pings, heartbeat, power] = await Promise.all([
      Promise.all(
        [em1, em2, em3].map(async ({ device, address }) => {
          const { exitCode } = await $`ping -q -n -c 2 -W 2 ${address}`.nothrow()
          return exitCode === 0 ? [`answers ping at ${address} (${device})`] : []
        }),
      ),
      $`timeout 10 sh -c ${manager.commands.peer(dead.vars.fqdn)}`.nothrow(),
      isFenced ? $`${fence} status`.within(60_000).nothrow() : { stdout: '' },
    ])
    const signs = [
      ...pings.flat(),
      ...(heartbeat.stdout.trim() === 'active' ? ['sends heartbeats'] : []),
      ...(power.stdout.trim() === 'on' ? ['has power, says its power switch'] : []),
    ]
    if (signs.length === 0) return
    throw new Refusal(
      `${name}: ${dead.name} ${signs.join(', ')}: expected a node that is off; turn ${dead.name} off first`,
    )
  })
}

/** An administrator has seen that a node is without power; the other goes on where it waited for that. */
export default role('confirm-off', (context: RoleContext<Chosen, Node>) => {
  const { vars } = context
  const dead = peerOf(context as NodeContext)
  return [
    requirement('this pair has power switches', async () => {
      if (vars.fencing !== 'none') return
      throw new Refusal(
        'this pair has no power switches (fencing: none), so nothing waits for that',
      )
    }),
    doesNotAnswer(context as NodeContext, dead),
    requirement('the data of this node is current', async (host) => {
      const status = await drbdStatus(host, vars.drbd)
      if (status.disk === 'UpToDate') return
      throw new Refusal(
        `${host.name}: its disk is ${status.disk} (${describe(status)}): its data may be older than that of ${dead.name}, which must come back first`,
      )
    }),
    task(`${dead.name} is known to be off`, {
      check: async ({ $ }) => {
        const { exitCode } = await $`${fence} confirmed`.nothrow()
        return exitCode === 0 ? undefined : change('confirmed by an administrator')
      },
      apply: async ({ sh }) => {
        await sh`${fence} confirm`
      },
    }),
  ]
})
