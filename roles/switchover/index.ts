import { type Node, type NodeContext, peerOf, type Site } from '../../inventory/schema.ts'
import {
  type CheckHost,
  change,
  Refusal,
  type RoleContext,
  requirement,
  role,
  task,
} from '../../lib/index.ts'
import { handOver } from '../cluster/handover.ts'
import { holding, isActive, manager } from '../cluster/index.ts'
import { resyncStep } from '../drbd/compare.ts'
import { type DrbdStatus, describe, drbdStatus, isIdle, isUpToDate } from '../drbd/status.ts'
import { guardPeerReady } from '../integrate/standby-first.ts'

/** The site's variables, and the node that `--trust` named. */
type Chosen = Site & { readonly trust?: string }

/** Why the service cannot move as it was asked for; undefined where it can. `trust` is the node whose disk is said to be right. */
export function moveObstacle(
  status: DrbdStatus,
  trust: string | undefined,
  { serving, standby, returns }: { serving: string; standby: string; returns: boolean },
): string | undefined {
  if (isUpToDate(status)) {
    return trust === undefined
      ? undefined
      : `expected blocks that differ, got ${describe(status)}: leave out --trust`
  }
  if (!isIdle(status)) {
    return `expected Connected UpToDate/UpToDate oos:0, got ${describe(status)}`
  }
  if (trust === undefined) {
    return `the disks differ in ${status.outOfSync} KiB: ${resyncStep(serving, standby)}`
  }
  if (trust !== standby) {
    return `${trust} serves already: npm run play resync -- --victim ${standby} copies its blocks`
  }
  if (returns) {
    return `the watch of ${serving} would take the service back to its own disk: set heartbeat.autoFailback to false first`
  }
  return undefined
}

/** Moves the service from the node that has it to the other, and waits until it is true. */
export default role('switchover', (context: RoleContext<Chosen, Node>) => {
  const { host: self, vars } = context
  const peer = peerOf(context as NodeContext)
  const waitMs = manager.settlesMs(vars)
  const serves = async (host: CheckHost) => {
    const [mine, theirs] = await Promise.all([holding(host), holding(host.peer(peer.name))])
    const active = isActive(mine, host.name, vars.preferred)
    if (active !== isActive(theirs, peer.name, vars.preferred)) return active
    throw new Refusal(
      `expected one node to serve, got ${host.name}: ${mine}, ${peer.name}: ${theirs}`,
    )
  }
  // Decided once, before the barrier: a later look would want to move the service back again.
  let from = false
  return [
    requirement('which node serves', async (host) => {
      from = await serves(host)
    }),
    requirement('both disks UpToDate, nothing out of sync', async (host) => {
      // Asked anew: the checks before a barrier run at the same time.
      const [serving, standby] = (await serves(host))
        ? [self.name, peer.name]
        : [peer.name, self.name]
      const why = moveObstacle(await drbdStatus(host, vars.drbd), vars.trust, {
        serving,
        standby,
        returns: vars.heartbeat.autoFailback && serving === vars.preferred,
      })
      if (why) throw new Refusal(`${host.name}: ${why}`)
    }),
    task('service moves to the other node', {
      barrier: true,
      check: async (host) => {
        if (!from || (await holding(host)) === 'none') return
        return change(`service moves from ${host.name} to ${peer.name}`)
      },
      disruptive: (host) =>
        guardPeerReady(host, peer.name, vars, { despite: vars.trust !== undefined }),
      timeoutMs: 2 * waitMs,
      apply: (host) => handOver(host, peer.name, vars, waitMs),
    }),
  ]
})
