import { type NodeContext, peerOf, type Site } from '../../inventory/schema.ts'
import { change, poll, role, service, type Task, task } from '../../lib/index.ts'
import { handOver } from '../cluster/handover.ts'
import { holding, isSettled, manager, serves } from '../cluster/index.ts'
import { volumesOf } from '../shared/volumes.ts'
import { guardPeerReady } from './standby-first.ts'
import { keptOn } from './state.ts'

/** Restarts heartbeat where its configuration is newer; the node that serves hands over first. */
export default role(
  'integrate/restart',
  (context: NodeContext) => {
    const { vars } = context
    const peer = peerOf(context)
    const waitMs = manager.settlesMs(vars)
    const restart = service(manager.unit, {
      state: 'running',
      restartOn: manager.files,
    })
    return [
      task('heartbeat runs with the configuration on disk', {
        check: (host) => restart.check(host),
        disruptive: (host) => guardPeerReady(host, peer.name, vars),
        timeoutMs: 3 * waitMs,
        apply: async (host, found) => {
          if (await serves(host, vars.preferred)) await handOver(host, peer.name, vars, waitMs)
          await restart.apply(host, found)
          await rejoined(host, peer.vars.fqdn, context.host.vars.em2.device, waitMs)
        },
      }) satisfies Task,
      ...(volumesOf(vars.drbd).length > 1 ? [stateInUse(vars, peer.name, waitMs)] : []),
    ]
  },
  // What heartbeat starts is a file that it reads only when it starts, too.
  { broughtBy: ['heartbeat', 'integrate/resources'] },
)

/** A pair that has got a volume for the service's own state uses it from the next start of the service on. */
function stateInUse(vars: Site, peer: string, waitMs: number): Task {
  return task('the service keeps its state on a volume of its own', {
    check: async (host) => {
      if (!(await serves(host, vars.preferred))) return
      // Only what an older Tandem left in the share is taken along; anything else verify tells.
      const kept = await keptOn(host, vars)
      return kept === 'share' ? change(`moves to ${peer}, which takes its state along`) : undefined
    },
    disruptive: (host) => guardPeerReady(host, peer, vars),
    timeoutMs: 2 * waitMs,
    apply: (host) => handOver(host, peer, vars, waitMs),
  })
}

/** Waits until this node and its peer see each other again. */
async function rejoined(
  host: Parameters<Task['apply']>[0],
  peerFqdn: string,
  device: string,
  waitMs: number,
): Promise<void> {
  let state = ''
  const look = async () => {
    const [mine, link] = await Promise.all([holding(host), manager.line(host, peerFqdn, device)])
    if (isSettled(mine) && link === 'up') return true
    state = `${host.name} holds ${mine}, link to ${peerFqdn} is ${link}`
    host.progress(state)
    return undefined
  }
  const { signal } = host
  const what = `${host.name} and ${peerFqdn} see each other again`
  if (await poll(look, { everyMs: 1_000, limitMs: waitMs, signal, what })) return
  throw new Error(`heartbeat did not settle within ${waitMs / 1000} s (${state})`)
}
