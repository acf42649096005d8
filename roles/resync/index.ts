import { setTimeout as sleep } from 'node:timers/promises'
import { type Node, type NodeContext, peerOf, type Site } from '../../inventory/schema.ts'
import {
  type CheckHost,
  change,
  Refusal,
  type RoleContext,
  requirement,
  role,
  type Task,
  task,
} from '../../lib/index.ts'
import { type DrbdStatus, describe, drbdStatus, generations, isIdle } from '../drbd/status.ts'
import { synchronised } from '../drbd/synchronise.ts'
import { onlyOn } from '../shared/only-on.ts'
import { drbdProgram } from '../shared/paths.ts'

/** The site's variables and the node that `--victim` named. */
type Chosen = Site & { readonly victim: string }

/** How long a write on the node that serves is waited for, in seconds. */
const patience = 120
/** Says that it was made. */
const enough = '/run/tandem/resync-enough'

/** Why the blocks of a victim cannot be copied over now; undefined where they can. */
export function resyncObstacle(
  status: DrbdStatus,
  victim: string,
  other: string,
): string | undefined {
  if (status.connection === 'Connected' && status.outOfSync === 0) {
    return `nothing is known to differ (${describe(status)}); systemctl start tandem-compare.service on either node compares both disks`
  }
  if (!isIdle(status)) {
    return `expected both disks to be UpToDate and the nodes at rest, got ${describe(status)}; npm run play verify tells what is wrong`
  }
  if (status.role !== 'Secondary' || status.peerRole !== 'Primary') {
    return `expected ${other} to serve, because ${victim} takes the blocks of ${other}; got ${describe(status)}: npm run play switchover -- --trust ${other} first`
  }
  return undefined
}

/** Blocks that a comparison found to differ are copied from the node that serves to the other. */
export default role('resync', (context: RoleContext<Chosen, Node>) => {
  const { host: self, vars } = context
  const { drbd } = vars
  const other = peerOf(context as NodeContext)
  const isVictim = self.name === vars.victim
  let done = false
  const proof = async (host: CheckHost) => {
    const why = resyncObstacle(await drbdStatus(host, drbd), host.name, other.name)
    if (why) throw new Refusal(`${host.name}: ${why}`)
  }
  const current = async (host: CheckHost) =>
    (await generations(host.peer(other.name), drbd.resource)).current
  const onVictim = (made: Task): Task => onlyOn(isVictim, made)
  return [
    onVictim(requirement('blocks differ, and the other node serves', proof, { barrier: true })),
    onVictim(
      task(`${vars.victim} takes the blocks that differ`, {
        barrier: true,
        check: async () => (done ? undefined : change('its own are given up')),
        destroys: { what: `blocks of ${drbd.disk} on ${vars.victim}`, proof },
        apply: async (host) => {
          const before = await current(host)
          // One command, which connects again whatever becomes of this run: else there would be no second copy from then on.
          const apart = host.sh`trap 'code=$?; rm -f ${enough}; ${drbdProgram} connect ${drbd.resource} || code=1; exit $code' EXIT
            trap 'exit 1' HUP INT TERM
            rm -f ${enough}
            drbdadm disconnect ${drbd.resource} || exit
            n=0
            while [ $n -lt ${patience + 10} ] && [ ! -e ${enough} ]; do n=$((n + 1)); sleep 1; done`
          const ended = apart.then(
            () => undefined,
            (error: unknown) => error,
          )
          try {
            // Only a server that has written meanwhile calls the other's data old; the watch writes now and then.
            const end = performance.now() + patience * 1_000
            while ((await current(host)) === before && performance.now() < end) {
              host.progress(`waits for a write on ${other.name}`)
              await sleep(1_000, undefined, { signal: host.signal })
            }
          } finally {
            await host.sh`: >${enough}`
            await ended
          }
          const error = await ended
          if (error !== undefined) throw error
          done = true
        },
      }),
    ),
    synchronised(drbd),
  ]
})
