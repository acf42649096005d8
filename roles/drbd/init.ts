import { type NodeContext, peerOf } from '../../inventory/schema.ts'
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
import { onlyOn } from '../shared/only-on.ts'
import { drbdProgram } from '../shared/paths.ts'
import { type Volume, volumesOf } from '../shared/volumes.ts'
import { unit } from './config.ts'
import { filesystem } from './filesystem.ts'
import { filesystemNoted } from './metadata.ts'
import { reconnected } from './reconnect.ts'
import { adjustSteps, describe, drbdStatus, harmless, isConnected } from './status.ts'
import { initialSync, synchronised } from './synchronise.ts'

/** S9 and S10: first synchronisation and filesystem, once, and only on blank disks. */
export default role('drbd/init', (context: NodeContext) => {
  const { host, vars } = context
  const peer = peerOf(context)
  const volumes = volumesOf(vars.drbd)
  // Done once for the pair; the other node only waits at the same barrier.
  const once = (made: Task): Task => onlyOn(host.name === vars.preferred, made)
  return [
    ...volumes.flatMap(running),
    ...volumes.map(connection),
    // Only a unit that runs is stopped at shutdown.
    service(unit, { state: 'running' }),
    ...volumes.map((volume) => once(initialSync(volume, peer.name))),
    ...volumes.map(synchronised),
    ...volumes.map((volume) => once(filesystem(volume, peer.name))),
    ...volumes.map(filesystemNoted),
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

function running(volume: Volume, place: number): Task[] {
  const { resource, minor, disk } = volume
  const isState = place > 0
  return [
    task(`resource ${resource} is up`, {
      check: async (host) => {
        const status = await drbdStatus(host, { minor })
        if (status.connection === 'Unconfigured') return change('is down')
        if (isState && status.connection === 'StandAlone') return
        // Refuses a split brain by name, before anything else stumbles over it.
        isConnected(status, host.name)
        if (status.disk === 'Diskless') {
          throw new Refusal(
            `${host.name}: DRBD runs without its disk (${describe(status)}): look at ${disk}, then drbdadm attach ${resource}`,
          )
        }
        return
      },
      apply: async ({ sh }) => {
        await sh`${drbdProgram} adjust ${resource}`
      },
    }),
    ...(isState ? [reconnected(volume)] : []),
    task(`running ${resource} follows its configuration`, {
      check: async ({ $, name }) => {
        const { stdout } = await $`drbdadm --dry-run adjust ${resource}`
        const steps = adjustSteps(stdout)
        if (steps.length === 0) return
        const rough = steps.filter((step) => !harmless.has(step))
        if (rough.length > 0) {
          throw new Refusal(
            `${name}: the configuration differs from the running DRBD in more than options (drbdadm adjust would do ${rough.join(', ')}): Tandem does not change the disk or the address of a running resource; move the service away and make that change by hand, one node at a time`,
          )
        }
        return change(steps.join(', '))
      },
      apply: async ({ sh }) => {
        await sh`${drbdProgram} adjust ${resource}`
      },
    }),
  ]
}

function connection({ resource, minor }: Volume): Task {
  return waitUntil(`nodes replicate ${resource} to each other`, {
    barrier: true,
    timeoutMs: 120_000,
    everyMs: 1_000,
    probe: async (host) => {
      const status = await drbdStatus(host, { minor })
      return isConnected(status, host.name) || describe(status)
    },
  })
}
