import { type NodeContext, peerOf, type Site } from '../../inventory/schema.ts'
import {
  type CheckHost,
  change,
  directory,
  Refusal,
  role,
  service,
  type Task,
  task,
  waitUntil,
} from '../../lib/index.ts'
import { onlyOn } from '../base/only-on.ts'
import { unit } from './config.ts'
import { filesystem } from './filesystem.ts'
import {
  adjustSteps,
  describe,
  drbdStatus,
  harmless,
  isConnected,
  together,
  volumeStatus,
} from './status.ts'
import { initialSync, synchronised } from './synchronise.ts'
import { volumesOf } from './volumes.ts'

type Drbd = Site['drbd']

/** S9 and S10: first synchronisation and filesystem, once, and only on blank disks. */
export default role('drbd/init', (context: NodeContext) => {
  const { host, vars } = context
  const peer = peerOf(context)
  const volumes = volumesOf(vars.drbd)
  // Done once for the pair; the other node only waits at the same barrier.
  const once = (made: Task): Task => onlyOn(host.name === vars.preferred, made)
  return [
    ...running(vars.drbd),
    connection(vars.drbd),
    // Only a unit that runs is stopped at shutdown.
    service(unit, { state: 'running' }),
    ...volumes.map((volume) => once(initialSync(volume, peer.name))),
    synchronised(vars.drbd),
    ...volumes.map((volume) => once(filesystem(volume, peer.name))),
    mountPoint(vars.nfs.path),
  ]
})

/** The folder that the share is mounted on. What is mounted there belongs to the users of the share, its owner and mode too. */
export function mountPoint(path: string): Task {
  const below = directory(path, { mode: 0o755 })
  const isMounted = async ({ $ }: CheckHost) => {
    const { stdout } = await $`cat /proc/mounts`
    return stdout.split('\n').some((line) => line.split(' ')[1] === path)
  }
  return {
    ...below,
    check: async (host) => ((await isMounted(host)) ? undefined : below.check(host)),
    apply: async (host, found) => {
      if (!(await isMounted(host))) await below.apply(host, found)
    },
  }
}

function running(drbd: Drbd): Task[] {
  return [
    task(`resource ${drbd.resource} is up`, {
      check: async (host) => {
        const [share, state] = await Promise.all(
          volumesOf(drbd).map(({ minor }) => volumeStatus(host, minor)),
        )
        // A second volume that is new to a running resource comes with its configuration, below.
        if (!share || share.connection === 'Unconfigured') return change('is down')
        const isNew = state === undefined || state.connection === 'Unconfigured'
        const status = isNew ? share : together(share, state)
        // Refuses a split brain by name, before anything else stumbles over it.
        isConnected(status, host.name)
        if (status.disk === 'Diskless') {
          throw new Refusal(
            `${host.name}: DRBD runs without its disk (${describe(status)}): look at ${drbd.disk}, then drbdadm attach ${drbd.resource}`,
          )
        }
        return
      },
      apply: async ({ sh }) => {
        await sh`drbdadm up ${drbd.resource}`
      },
    }),
    task('running DRBD follows its configuration', {
      check: async ({ $, name }) => {
        const { stdout } = await $`drbdadm --dry-run adjust ${drbd.resource}`
        const steps = adjustSteps(stdout, await newVolume({ $ }, drbd))
        if (steps.length === 0) return
        const rough = steps.filter((step) => !harmless.has(step))
        if (rough.length > 0) {
          throw new Refusal(
            `${name}: the configuration differs from what DRBD runs with by more than options (it would take ${rough.join(', ')}): Tandem does not exchange the disk or the address of a running resource; move the service away and do it by hand, one node at a time`,
          )
        }
        return change(steps.join(', '))
      },
      apply: async ({ sh }) => {
        await sh`drbdadm adjust ${drbd.resource}`
      },
    }),
  ]
}

/** The minor of the state's volume where a running resource does not have it yet. */
async function newVolume({ $ }: Pick<CheckHost, '$'>, drbd: Drbd): Promise<number | undefined> {
  const [, state] = volumesOf(drbd)
  if (!state) return undefined
  const { exitCode } = await $`grep -q ${`^ *${state.minor}: cs:[^U]`} /proc/drbd`.nothrow()
  return exitCode === 0 ? undefined : state.minor
}

function connection(drbd: Drbd): Task {
  return waitUntil('nodes replicate to each other', {
    barrier: true,
    timeoutMs: 120_000,
    everyMs: 1_000,
    probe: async (host) => {
      const status = await drbdStatus(host, drbd)
      return isConnected(status, host.name) || describe(status)
    },
  })
}
