import { heartbeatLines, type NodeContext, peerOf, type Site } from '../../inventory/schema.ts'
import { change, Refusal, role, service, type Task, task, waitUntil } from '../../lib/index.ts'
import { holding, isActive, isSettled, manager } from '../cluster/index.ts'
import { drbdStatus } from '../drbd/status.ts'

const { unit } = manager

/** Whether a node that boots takes part at once is the inventory's to say. */
export const startsAtBoot = ({ heartbeat }: Site): Task =>
  service(unit, { enabled: heartbeat.atBoot })

/** S6 and S13: heartbeat runs on both nodes, sees its peer on every line, and one node serves. */
export default role('integrate/start', (context: NodeContext) => startWith(context, manager.files))

/** The tasks of `integrate/start`; `files` are those that heartbeat reads only at its start. */
export function startWith(context: NodeContext, files: readonly string[]): Task[] {
  const { vars } = context
  const { drbd } = vars
  const peer = peerOf(context)
  const device = `/dev/drbd${drbd.minor}`
  const lines = heartbeatLines(vars).map((line) => context.host.vars[line].device)
  const started = service(unit, { state: 'running', restartOn: files })
  const waitMs = manager.settlesMs(vars)
  return [
    task('nothing is held outside heartbeat', {
      barrier: true,
      check: async (host) => {
        const [unitState, status, mounts] = await Promise.all([
          host.$`systemctl is-active ${unit}`.nothrow(),
          drbdStatus(host, drbd),
          host.$`cat /proc/mounts`,
        ])
        if (unitState.stdout.trim() !== 'inactive' && unitState.stdout.trim() !== 'failed') return
        if (status.role !== 'Primary') return
        if (mounts.stdout.split('\n').some((line) => line.startsWith(`${device} `))) {
          throw new Refusal(
            `${host.name}: ${device} is mounted although heartbeat does not run: someone uses it by hand; unmount it first`,
          )
        }
        return change(`${drbd.resource} is Primary`)
      },
      apply: async ({ sh }) => {
        await sh`drbdadm secondary ${drbd.resource}`
      },
    }),
    startsAtBoot(vars),
    task('heartbeat is started', {
      // Both start at once, or each would wait initdead for the other.
      barrier: true,
      check: async (host) => {
        const { stdout } = await host.$`systemctl is-active ${unit}`.nothrow()
        // A running one is restarted elsewhere, one node at a time.
        return stdout.trim() === 'active' ? undefined : started.check(host)
      },
      apply: (host, found) => started.apply(host, found),
    }),
    waitUntil(`heartbeat sees ${peer.name} on ${lines.join(' and ')}`, {
      barrier: true,
      timeoutMs: waitMs,
      everyMs: 2_000,
      probe: async (host) => {
        const states = await Promise.all(
          lines.map((line) => manager.line(host, peer.vars.fqdn, line)),
        )
        const wrong = lines.flatMap((line, at) =>
          states[at] === 'up' ? [] : [`${line}: ${states[at]}`],
        )
        return wrong.length === 0 || wrong.join(', ')
      },
    }),
    waitUntil('one node serves', {
      timeoutMs: waitMs,
      everyMs: 2_000,
      barrier: true,
      probe: async (host) => {
        const [mine, theirs] = await Promise.all([holding(host), holding(host.peer(peer.name))])
        const one =
          isActive(mine, host.name, vars.preferred) !== isActive(theirs, peer.name, vars.preferred)
        return (
          (one && isSettled(mine) && isSettled(theirs)) ||
          `${host.name} holds ${mine}, ${peer.name} holds ${theirs}`
        )
      },
    }),
  ]
}
