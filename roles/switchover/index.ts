import { type NodeContext, peerOf } from '../../inventory/schema.ts'
import { change, Refusal, requirement, role, task } from '../../lib/index.ts'
import { handOver } from '../cluster/handover.ts'
import { holding, isActive, manager } from '../cluster/index.ts'
import { describe, drbdStatus, isUpToDate } from '../drbd/status.ts'
import { guardPeerReady } from '../integrate/standby-first.ts'

/** Moves the service from the node that has it to the other, and waits until it is true. */
export default role('switchover', (context: NodeContext) => {
  const { vars } = context
  const peer = peerOf(context)
  const waitMs = manager.settlesMs(vars)
  // Decided once, before the barrier: a later look would want to move the service back again.
  let from = false
  return [
    requirement('both disks UpToDate, nothing out of sync', async (host) => {
      const status = await drbdStatus(host, vars.drbd)
      if (isUpToDate(status)) return
      throw new Refusal(
        `${host.name}: expected Connected UpToDate/UpToDate oos:0, got ${describe(status)}`,
      )
    }),
    requirement('which node serves', async (host) => {
      const [mine, theirs] = await Promise.all([holding(host), holding(host.peer(peer.name))])
      from = isActive(mine, host.name, vars.preferred)
      if (from === isActive(theirs, peer.name, vars.preferred)) {
        throw new Refusal(
          `expected one node to serve, got ${host.name}: ${mine}, ${peer.name}: ${theirs}`,
        )
      }
    }),
    task('service moves to the other node', {
      barrier: true,
      check: async (host) => {
        if (!from || (await holding(host)) === 'none') return
        return change(`service moves from ${host.name} to ${peer.name}`)
      },
      disruptive: (host) => guardPeerReady(host, peer.name, vars),
      timeoutMs: 2 * waitMs,
      apply: (host) => handOver(host, peer.name, vars, waitMs),
    }),
  ]
})
