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
import type { Drill, Stage } from './pair/words.ts'
import { moveLimitMs, serves, untilServes } from './planned.ts'

/** Cuts lines as the fault of this round, all of them whole again in the end. */
export async function cut(stage: Stage, text: string, links: readonly string[]): Promise<void> {
  for (const link of links) stage.undo(`${link} is connected again`, () => stage.ground.heal(link))
  await stage.fault(text, async () => {
    for (const link of links) await stage.ground.cut(link)
  })
}

const deadMs = (stage: Stage) =>
  (stage.ground.plan.heartbeat.deadtime + 10 * stage.ground.plan.slow) * 1_000

/** Runs `verify`, which must name what is wrong. */
export async function verifyNames(
  stage: Stage,
  what: RegExp,
  words: readonly string[] = ['verify'],
): Promise<void> {
  const { code, text } = await stage.play(words)
  if (code === 0) stage.wrong('verify found nothing wrong')
  else if (!what.test(text)) stage.wrong(`verify says nothing that matches ${what.source}`)
}

export const em1: Drill = {
  name: 'em1',
  about: 'cuts the service cable of the active node; ipfail moves the service',
  needs: ['cables'],
  moves: true,
  budgetMs: crash,
  run: async (stage) => {
    await cut(stage, `em1 of ${stage.active} is cut`, [`${stage.active}.em1`])
    await untilServes(stage, stage.standby)
  },
}

export const gateway: Drill = {
  name: 'gateway',
  about: 'silences the gateway for both nodes; nothing moves',
  needs: ['cables'],
  moves: false,
  maxStallMs: ({ slow }) => 3_000 * slow,
  run: async (stage) => {
    const client = machineOf(stage.ground, stage.ground.client.name)
    const file = '/proc/sys/net/ipv4/icmp_echo_ignore_all'
    stage.undo('the gateway answers again', () => must(client, `echo 0 >${file}`))
    // The client is the lab's gateway: it stays a client, but answers no ping.
    await stage.fault('the gateway falls silent', () => must(client, `echo 1 >${file}`))
    await stage.keepsServing(stage.active, 2 * deadMs(stage))
  },
}

export const em2: Drill = {
  name: 'em2',
  about: 'cuts the heartbeat line; nothing moves, and verify reports it',
  needs: ['cables'],
  moves: false,
  maxStallMs: ({ slow }) => 3_000 * slow,
  run: async (stage) => {
    await cut(stage, 'em2 is cut', ['em2'])
    await stage.keepsServing(stage.active, deadMs(stage))
    await verifyNames(stage, /heartbeat line em2/)
    await stage.heal()
    const [, peer] = stage.ground.plan.nodes
    const end = Date.now() + deadMs(stage) * 2
    const [first] = stage.ground.nodes
    for (;;) {
      const said = await first?.run(manager.commands.line(peer.fqdn, 'em2'))
      if (said?.stdout.trim() === 'up') return
      if (Date.now() > end) throw new Error('heartbeat did not take em2 for up again')
      await stage.pause(1_500)
    }
  },
}

export const em3: Drill = {
  name: 'em3',
  about: 'cuts the DRBD line; the service stays, the peer is outdated and cannot be promoted',
  needs: ['cables'],
  moves: false,
  run: async (stage) => {
    const { active, standby } = stage
    await cut(stage, 'em3 is cut', ['em3'])
    await stage.until('DRBD has noticed', moveLimitMs(stage), (state) =>
      [active, standby].every((name) => nodeOf(state, name)?.replica.connection !== 'Connected'),
    )
    const state = await stage.until(
      `${standby} is outdated`,
      moveLimitMs(stage),
      (now) => nodeOf(now, standby)?.replica.disk === 'Outdated',
    )
    const served = nodeOf(state, active)
    if (!served || !isComplete(served)) stage.wrong(`${active} no longer has the whole service`)
    await promotionIsRefused(stage)
    await stage.keepsServing(active, 10_000)
  },
}

/** Asks DRBD to promote the standby, only where it must refuse by what it knows itself. */
export async function promotionIsRefused(stage: Stage): Promise<void> {
  const { drbd } = stage.ground.plan
  const node = stage.machine(stage.standby)
  const { exitCode } = await node.run(`/usr/sbin/drbdadm primary ${drbd.resource}`)
  if (exitCode !== 0) return stage.say(`${stage.standby} refuses to be promoted`)
  await must(node, `drbdadm secondary ${drbd.resource}`)
  stage.wrong(`${stage.standby} let itself be promoted`)
}

export const split: Drill = {
  name: 'split',
  about: 'cuts all lines between the nodes; never silent, never merged by itself',
  needs: ['cables'],
  moves: false,
  mayBeUnsafe: true,
  run: async (stage) => {
    const { standby } = stage
    // The standby is the one cut off: the client stays with the node that served.
    await cut(stage, `all lines to ${standby} are cut`, ['em2', 'em3', `${standby}.em1`])
    const isPrimary = ({ replica }: NodeState) => replica.role === 'Primary'
    const both = await stage.comesTrue(deadMs(stage) + moveLimitMs(stage) / 2, ({ nodes }) =>
      nodes.every(isPrimary),
    )
    stage.say(both ? 'both nodes are Primary, apart' : `${standby} does not take over, alone`)
    const apart = await stage.play(['verify'])
    if (apart.code === 0) stage.wrong('verify found nothing wrong while the nodes were apart')
    await stage.heal()
    if (both) await recover(stage)
  },
}

/** Two nodes wrote apart: they must stay apart, be told of, and come together as a human says. */
async function recover(stage: Stage): Promise<void> {
  const { active, standby } = stage
  const runs = (node: NodeState) => isSettled(node) && node.heartbeat !== 'stopped'
  // Each finds the other serving too, gives up, and starts anew.
  await stage.pause(15_000)
  const limitMs = stage.ground.plan.heartbeat.initdead * 2_000 + moveLimitMs(stage)
  // The whole of it: a node that is only about to serve must not be taken for the other's.
  const met = await stage.until('one node serves, heartbeat has settled', limitMs, (state) => {
    const { nodes } = state
    return nodes.every(runs) && nodes.filter(holdsAny).length === 1 && !!servingOf(state)
  })
  const merged = met.nodes.some(({ replica }) => /^(Connected|Sync)/.test(replica.connection))
  if (merged) stage.wrong(`the nodes were merged by themselves: ${textOf(met)}`)
  await verifyNames(stage, /split brain/i)
  if (!serves(active)(met)) {
    stage.say(`${standby} serves what only it knows: it is asked to stand by`)
    await must(stage.machine(standby), manager.commands.standBy)
    await untilServes(stage, active)
  }
  const { code, text } = await stage.play(['recover-split-brain', '--victim', standby])
  if (code === 0) return
  const why = text.split('\n').filter((line) => /^\S+ +(refused|failed|unreachable) /.test(line))
  stage.wrong(`recover-split-brain failed: ${why.join('; ') || text.trim()}`)
}

const textOf = ({ nodes }: PairState) =>
  nodes.map(({ name, replica }) => `${name} ${describe(replica)}`).join(', ')
