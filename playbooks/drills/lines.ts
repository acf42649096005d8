import { machineOf, must } from '../../lib/drill/index.ts'
import { manager } from '../../roles/cluster/index.ts'
import { describe } from '../../roles/drbd/status.ts'
import { crash } from './pair/limits.ts'
import {
  holdsAny,
  isComplete,
  isSettled,
  type NodeState,
  nodeOf,
  type PairState,
  servingOf,
} from './pair/state.ts'
import type { Drill, RoundContext } from './pair/words.ts'
import { moveLimitMs, serves, untilServes } from './planned.ts'

/** Cuts lines as the fault of this round, all of them whole again in the end. */
export async function cut(
  context: RoundContext,
  text: string,
  links: readonly string[],
): Promise<void> {
  for (const link of links)
    context.undo(`${link} is connected again`, () => context.environment.heal(link))
  await context.fault(text, async () => {
    for (const link of links) await context.environment.cut(link)
  })
}

const deadMs = (context: RoundContext) =>
  (context.environment.plan.heartbeat.deadtime + 10 * context.environment.plan.slow) * 1_000

/** Runs `verify`, which must name what is wrong. */
export async function verifyNames(
  context: RoundContext,
  what: RegExp,
  words: readonly string[] = ['verify'],
): Promise<void> {
  const { code, text } = await context.play(words)
  if (code === 0) context.wrong('verify found nothing wrong')
  else if (!what.test(text)) context.wrong(`verify says nothing that matches ${what.source}`)
}

export const em1: Drill = {
  name: 'em1',
  about: 'cuts the service cable of the active node; ipfail moves the service',
  needs: ['cables'],
  moves: true,
  budgetMs: crash,
  run: async (context) => {
    await cut(context, `em1 of ${context.active} is cut`, [`${context.active}.em1`])
    await untilServes(context, context.standby)
  },
}

export const gateway: Drill = {
  name: 'gateway',
  about: 'silences the gateway for both nodes; nothing moves',
  needs: ['cables'],
  moves: false,
  maxStallMs: ({ slow }) => 3_000 * slow,
  run: async (context) => {
    const client = machineOf(context.environment, context.environment.client.name)
    const file = '/proc/sys/net/ipv4/icmp_echo_ignore_all'
    context.undo('the gateway answers again', () => must(client, `echo 0 >${file}`))
    // The client is the lab's gateway: it stays a client, but answers no ping.
    await context.fault('the gateway falls silent', () => must(client, `echo 1 >${file}`))
    await context.keepsServing(context.active, 2 * deadMs(context))
  },
}

export const em2: Drill = {
  name: 'em2',
  about: 'cuts the heartbeat line; nothing moves, and verify reports it',
  needs: ['cables'],
  moves: false,
  maxStallMs: ({ slow }) => 3_000 * slow,
  run: async (context) => {
    await cut(context, 'em2 is cut', ['em2'])
    await context.keepsServing(context.active, deadMs(context))
    await verifyNames(context, /heartbeat line em2/)
    await context.heal()
    const [, peer] = context.environment.plan.nodes
    const [first] = context.environment.nodes
    const up = async () => {
      const said = await first?.run(manager.commands.line(peer.fqdn, 'em2'))
      return said?.stdout.trim() === 'up' ? true : undefined
    }
    if (await context.poll(up, { everyMs: 1_500, limitMs: deadMs(context) * 2 })) return
    throw new Error('heartbeat did not take em2 for up again')
  },
}

export const em3: Drill = {
  name: 'em3',
  about: 'cuts the DRBD line; the service stays, the peer is outdated and cannot be promoted',
  needs: ['cables'],
  moves: false,
  run: async (context) => {
    const { active, standby } = context
    await cut(context, 'em3 is cut', ['em3'])
    await context.until('DRBD has noticed', moveLimitMs(context), (state) =>
      [active, standby].every((name) => nodeOf(state, name)?.replica.connection !== 'Connected'),
    )
    const state = await context.until(
      `${standby} is outdated`,
      moveLimitMs(context),
      (now) => nodeOf(now, standby)?.replica.disk === 'Outdated',
    )
    const served = nodeOf(state, active)
    if (!served || !isComplete(served)) context.wrong(`${active} no longer has the whole service`)
    await promotionIsRefused(context)
    await context.keepsServing(active, 10_000)
  },
}

/** Asks DRBD to promote the standby, only where it must refuse by what it knows itself. */
export async function promotionIsRefused(context: RoundContext): Promise<void> {
  const { drbd } = context.environment.plan
  const node = context.machine(context.standby)
  const { exitCode } = await node.run(`/usr/sbin/drbdadm primary ${drbd.resource}`)
  if (exitCode !== 0) return context.say(`${context.standby} refuses to be promoted`)
  await must(node, `drbdadm secondary ${drbd.resource}`)
  context.wrong(`${context.standby} let itself be promoted`)
}

export const split: Drill = {
  name: 'split',
  about:
    'cuts all lines between the nodes; verify must report that, and nothing is merged without an administrator',
  needs: ['cables'],
  moves: false,
  mayBeUnsafe: true,
  run: async (context) => {
    const { standby } = context
    // The standby is the one cut off: the client stays with the node that served.
    await cut(context, `all lines to ${standby} are cut`, ['em2', 'em3', `${standby}.em1`])
    const isPrimary = ({ replica }: NodeState) => replica.role === 'Primary'
    const both = await context.comesTrue(deadMs(context) + moveLimitMs(context) / 2, ({ nodes }) =>
      nodes.every(isPrimary),
    )
    context.say(both ? 'both nodes are Primary, apart' : `${standby} does not take over, alone`)
    const apart = await context.play(['verify'])
    if (apart.code === 0) context.wrong('verify found nothing wrong while the nodes were apart')
    await context.heal()
    if (both) await recover(context)
  },
}

/** Two nodes wrote apart: they must stay apart, be told of, and come together as a human says. */
async function recover(context: RoundContext): Promise<void> {
  const { active, standby } = context
  const runs = (node: NodeState) => isSettled(node) && node.heartbeat !== 'stopped'
  // Each finds the other serving too, gives up, and starts anew.
  await context.pause(15_000)
  const limitMs = context.environment.plan.heartbeat.initdead * 2_000 + moveLimitMs(context)
  // The whole of it: a node that is only about to serve must not be taken for the other's.
  const met = await context.until('one node serves, heartbeat has settled', limitMs, (state) => {
    const { nodes } = state
    return nodes.every(runs) && nodes.filter(holdsAny).length === 1 && !!servingOf(state)
  })
  const merged = met.nodes.some(({ replica }) => /^(Connected|Sync)/.test(replica.connection))
  if (merged) context.wrong(`the nodes were merged by themselves: ${textOf(met)}`)
  await verifyNames(context, /split brain/i)
  if (!serves(active)(met)) {
    context.say(`${standby} serves data that only it has, so it is asked to stand by`)
    await must(context.machine(standby), manager.commands.standBy)
    await untilServes(context, active)
  }
  const { code, text } = await context.play(['recover-split-brain', '--victim', standby])
  if (code === 0) return
  const why = text.split('\n').filter((line) => /^\S+ +(refused|failed|unreachable) /.test(line))
  context.wrong(`recover-split-brain failed: ${why.join('; ') || text.trim()}`)
}

const textOf = ({ nodes }: PairState) =>
  nodes.map(({ name, replica }) => `${name} ${describe(replica)}`).join(', ')
