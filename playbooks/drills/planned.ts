import { must } from '../../lib/drill/index.ts'
import { manager } from '../../roles/cluster/index.ts'
import { crash, planned } from './pair/limits.ts'
import { holdsAny, isComplete, isSettled, nodeOf, type PairState } from './pair/state.ts'
import type { Drill, RoundContext } from './pair/words.ts'
import { bootOf } from './returns.ts'

/** How long a move may take before it counts as one that does not come. */
export function moveLimitMs({ environment: { plan } }: RoundContext): number {
  return (plan.heartbeat.deadtime * 2 + 60 * plan.slow) * 1_000
}

/** Whether a node has the whole service and the other nothing of it. */
export const serves = (name: string) => (state: PairState) =>
  state.nodes.every((node) => (node.name === name ? isComplete(node) : !holdsAny(node)))

/** Waits until a node serves, and the other no longer does. */
export const untilServes = (context: RoundContext, name: string): Promise<PairState> =>
  context.until(`${name} serves`, moveLimitMs(context), serves(name))

/** Asks heartbeat on a node to hand everything to its peer, and waits until it has. */
export async function handOver(context: RoundContext, from: string, to: string): Promise<void> {
  const ask = () => must(context.machine(from), manager.commands.standBy)
  await context.fault(`${from} is asked to stand by`, ask)
  const heard = ({ nodes }: PairState) =>
    nodes.some((node) => node.name === from && !(isComplete(node) && isSettled(node)))
  for (let asked = 1; asked < 3; asked++) {
    if (await context.comesTrue(5_000 * context.environment.plan.slow, heard)) break
    // As the package has it, a message is written in pieces, and heartbeat may take half of it for nothing.
    await context.fault(`heartbeat on ${from} did not react and is asked again`, ask, true)
  }
  await untilServes(context, to)
}

export const standby: Drill = {
  name: 'standby',
  about: 'asks the active node to stand by; the other takes over',
  needs: [],
  moves: true,
  budgetMs: planned,
  run: (context) => handOver(context, context.active, context.standby),
}

export const heartbeatStop: Drill = {
  name: 'heartbeat-stop',
  about: 'stops heartbeat on the active node; the other takes over',
  needs: [],
  moves: true,
  budgetMs: planned,
  run: async (context) => {
    const active = context.machine(context.active)
    context.undo(`heartbeat starts on ${context.active}`, () =>
      must(active, 'systemctl start heartbeat', { timeoutMs: 300_000 }),
    )
    await context.fault(`heartbeat stops on ${context.active}`, () =>
      must(active, 'systemctl stop --no-block heartbeat'),
    )
    await untilServes(context, context.standby)
    await context.until(
      `heartbeat has ended on ${context.active}`,
      moveLimitMs(context),
      (state) => nodeOf(state, context.active)?.heartbeat === 'stopped',
    )
  },
}

export const failback: Drill = {
  name: 'failback',
  about: 'moves the service to the other node and, within a minute, back',
  needs: [],
  moves: false,
  budgetMs: planned,
  run: async (context) => {
    const began = Date.now()
    await handOver(context, context.active, context.standby)
    await context.until('heartbeat has settled on both', moveLimitMs(context), ({ nodes }) =>
      nodes.every(isSettled),
    )
    context.say(`back after ${Math.round((Date.now() - began) / 1000)} s`)
    await handOver(context, context.standby, context.active)
  },
}

export const lock: Drill = {
  name: 'lock',
  about: 'moves the service while a client holds a lock, which it must keep',
  needs: [],
  moves: true,
  budgetMs: planned,
  run: async (context) => {
    const held = async (node: string) => {
      if (await context.workload.lockIsHeld(context.machine(node))) return
      context.wrong(`${node} knows nothing of the lock that the client holds`)
    }
    await held(context.active)
    await handOver(context, context.active, context.standby)
    // The lock is reclaimed in the grace period, which ends at the latest after its own time.
    await context.pause((context.environment.plan.grace + 5) * 1_000)
    await held(context.standby)
  },
}

export const powerOff: Drill = {
  name: 'power-off',
  about: 'takes the power from the active node; the other takes over',
  needs: ['power'],
  moves: true,
  crash: true,
  budgetMs: crash,
  run: async (context) => {
    context.undo(`${context.active} gets its power back`, () =>
      context.environment.powerOn(context.active),
    )
    await context.fault(`${context.active} loses its power`, () =>
      context.environment.powerOff(context.active),
    )
    await untilServes(context, context.standby)
    // Something to catch up with, or the resync proves nothing.
    await context.pause(5_000)
  },
  proof: async ({ kernel }, { standby: survivor, machine, environment }) => {
    const log = kernel.get(survivor) ?? ''
    const resync = [...log.matchAll(/Began resync as SyncSource \(will sync (\d+) KB/g)]
    if (resync.length === 0) return ['the node that came back was not resynced']
    // Not from the device itself: a Secondary lets nobody open it, and the article's recipe moves back.
    const sectors = await must(
      machine(survivor),
      `cat /sys/block/drbd${environment.plan.drbd.minor}/size`,
    )
    const most = Math.max(...resync.map(([, kb]) => Number(kb)))
    return most * 2 >= Number(sectors)
      ? [`all ${most} KB were resynced, expected only what may have changed`]
      : []
  },
}

export const standbyReboot: Drill = {
  name: 'standby-reboot',
  about: 'reboots the standby; nobody waits, and it rejoins',
  needs: ['spare'],
  moves: false,
  maxStallMs: ({ slow }) => 3_000 * slow,
  run: async (context) => {
    const { active, standby, environment } = context
    const node = context.machine(standby)
    const before = await bootOf(context, standby)
    await context.fault(`${standby} reboots`, () => must(node, 'systemctl reboot --no-block'))
    const limit = Date.now() + 300_000 * environment.plan.slow
    for (;;) {
      await context.keepsServing(active, 3_000)
      const now = await bootOf(context, standby).catch(() => before)
      if (now !== before && now !== '') break
      if (Date.now() > limit) throw new Error(`${standby} did not come back from its reboot`)
    }
    context.say(`${standby} is back`)
  },
}
