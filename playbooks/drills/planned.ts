import { must } from '../../lib/drill/index.ts'
import { manager } from '../../roles/cluster/index.ts'
import { crash, planned } from './pair/limits.ts'
import { holdsAny, isComplete, isSettled, nodeOf, type PairState } from './pair/state.ts'
import type { Drill, Stage } from './pair/words.ts'
import { bootOf } from './returns.ts'

/** How long a move may take before it counts as one that does not come. */
export function moveLimitMs({ ground: { plan } }: Stage): number {
  return (plan.heartbeat.deadtime * 2 + 60 * plan.slow) * 1_000
}

/** Whether a node has the whole service and the other nothing of it. */
export const serves = (name: string) => (state: PairState) =>
  state.nodes.every((node) => (node.name === name ? isComplete(node) : !holdsAny(node)))

/** Waits until a node serves, and the other no longer does. */
export const untilServes = (stage: Stage, name: string): Promise<PairState> =>
  stage.until(`${name} serves`, moveLimitMs(stage), serves(name))

/** Asks heartbeat on a node to hand everything to its peer, and waits until it has. */
export async function handOver(stage: Stage, from: string, to: string): Promise<void> {
  const ask = () => must(stage.machine(from), manager.commands.standBy)
  await stage.fault(`${from} is asked to stand by`, ask)
  const heard = ({ nodes }: PairState) =>
    nodes.some((node) => node.name === from && !(isComplete(node) && isSettled(node)))
  for (let asked = 1; asked < 3; asked++) {
    if (await stage.comesTrue(5_000 * stage.ground.plan.slow, heard)) break
    // As the package has it, a message is written in pieces, and heartbeat may take half of it for nothing.
    await stage.fault(`heartbeat on ${from} has not heard it and is asked again`, ask, true)
  }
  await untilServes(stage, to)
}

export const standby: Drill = {
  name: 'standby',
  about: 'asks the active node to stand by; the other takes over',
  needs: [],
  moves: true,
  budgetMs: planned,
  run: (stage) => handOver(stage, stage.active, stage.standby),
}

export const heartbeatStop: Drill = {
  name: 'heartbeat-stop',
  about: 'stops heartbeat on the active node; the other takes over',
  needs: [],
  moves: true,
  budgetMs: planned,
  run: async (stage) => {
    const active = stage.machine(stage.active)
    stage.undo(`heartbeat starts on ${stage.active}`, () =>
      must(active, 'systemctl start heartbeat', { timeoutMs: 300_000 }),
    )
    await stage.fault(`heartbeat stops on ${stage.active}`, () =>
      must(active, 'systemctl stop --no-block heartbeat'),
    )
    await untilServes(stage, stage.standby)
    await stage.until(
      `heartbeat has ended on ${stage.active}`,
      moveLimitMs(stage),
      (state) => nodeOf(state, stage.active)?.heartbeat === 'stopped',
    )
  },
}

export const failback: Drill = {
  name: 'failback',
  about: 'moves the service to the other node and, within a minute, back',
  needs: [],
  moves: false,
  budgetMs: planned,
  run: async (stage) => {
    const began = Date.now()
    await handOver(stage, stage.active, stage.standby)
    await stage.until('heartbeat has settled on both', moveLimitMs(stage), ({ nodes }) =>
      nodes.every(isSettled),
    )
    stage.say(`back after ${Math.round((Date.now() - began) / 1000)} s`)
    await handOver(stage, stage.standby, stage.active)
  },
}

export const lock: Drill = {
  name: 'lock',
  about: 'moves the service while a client holds a lock, which it must keep',
  needs: [],
  moves: true,
  budgetMs: planned,
  run: async (stage) => {
    const held = async (node: string) => {
      if (await stage.book.lockIsHeld(stage.machine(node))) return
      stage.wrong(`${node} knows nothing of the lock that the client holds`)
    }
    await held(stage.active)
    await handOver(stage, stage.active, stage.standby)
    // The lock is reclaimed in the grace period, which ends at the latest after its own time.
    await stage.pause((stage.ground.plan.grace + 5) * 1_000)
    await held(stage.standby)
  },
}

export const powerOff: Drill = {
  name: 'power-off',
  about: 'takes the power from the active node; the other takes over',
  needs: ['power'],
  moves: true,
  crash: true,
  budgetMs: crash,
  run: async (stage) => {
    stage.undo(`${stage.active} gets its power back`, () => stage.ground.powerOn(stage.active))
    await stage.fault(`${stage.active} loses its power`, () => stage.ground.powerOff(stage.active))
    await untilServes(stage, stage.standby)
    // Something to catch up with, or the resync proves nothing.
    await stage.pause(5_000)
  },
  proof: async ({ kernel }, { standby: survivor, machine, ground }) => {
    const log = kernel.get(survivor) ?? ''
    const resync = [...log.matchAll(/Began resync as SyncSource \(will sync (\d+) KB/g)]
    if (resync.length === 0) return ['the node that came back was not resynced']
    // Not from the device itself: a Secondary lets nobody open it, and the article's recipe moves back.
    const sectors = await must(
      machine(survivor),
      `cat /sys/block/drbd${ground.plan.drbd.minor}/size`,
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
  run: async (stage) => {
    const { active, standby, ground } = stage
    const node = stage.machine(standby)
    const before = await bootOf(stage, standby)
    await stage.fault(`${standby} reboots`, () => must(node, 'systemctl reboot --no-block'))
    const limit = Date.now() + 300_000 * ground.plan.slow
    for (;;) {
      await stage.keepsServing(active, 3_000)
      const now = await bootOf(stage, standby).catch(() => before)
      if (now !== before && now !== '') break
      if (Date.now() > limit) throw new Error(`${standby} did not come back from its reboot`)
    }
    stage.say(`${standby} is back`)
  },
}
