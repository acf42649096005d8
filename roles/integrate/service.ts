import type { NodeContext, Site } from '../../inventory/schema.ts'
import { type CheckHost, change, role, task } from '../../lib/index.ts'
import { serves } from '../cluster/index.ts'
import { guarding, mountOptions } from '../drbd/filesystem.ts'
import { processesOf } from '../shared/processes.ts'
import { stateFolder, volumesOf } from '../shared/volumes.ts'

/** What of the service runs on a node. */
export interface Parts {
  readonly mounted: boolean
  /** Whether the disk of the service's own state is mounted; undefined where the pair has no such disk. */
  readonly stateMounted: boolean | undefined
  readonly threads: number
  readonly vip: boolean
  /** Whether the scripts have noted that this node serves; the watch looks at that note. */
  readonly marked: boolean
  /** Names of the daemons that do not run. */
  readonly missing: readonly string[]
  /** Whether nfsd has read the exports that are on disk now. */
  readonly exportsCurrent: boolean
}

const daemons = ['nfsdcld', 'rpc.mountd']

/** Looks which parts of the service run on a host. */
export async function parts(host: CheckHost, { nfs, drbd, vip }: Site): Promise<Parts> {
  const [mounts, threads, running, addresses, read, now, mark] = await Promise.all([
    host.$`cat /proc/mounts`,
    host.$`if [ -e /proc/fs/nfsd/threads ]; then cat /proc/fs/nfsd/threads; else echo 0; fi`,
    processesOf(host, daemons),
    host.$`ip -o -4 addr show dev ${vip.device} to ${`${vip.address}/32`}`,
    host.$`if [ -e /run/tandem-exports ]; then cat /run/tandem-exports; fi`,
    host.$`sha256sum /etc/exports`.nothrow(),
    host.$`test -s /run/tandem/serving`.nothrow(),
  ])
  const [share, state] = volumesOf(drbd)
  const isMounted = (device: string, path: string) =>
    mounts.stdout.split('\n').some((line) => line.startsWith(`${device} ${path} `))
  return {
    mounted: isMounted(share.device, nfs.path),
    stateMounted: state && isMounted(state.device, stateFolder),
    threads: Number.parseInt(threads.stdout, 10),
    vip: addresses.stdout.trim() !== '',
    marked: mark.exitCode === 0,
    missing: daemons.filter((daemon) => !running.some(({ name }) => name === daemon)),
    exportsCurrent: read.stdout === now.stdout,
  }
}

/** A sentence for each part of the service that should run on the active node and does not. */
export function partsMissing(found: Parts, { nfs, vip }: Site): string[] {
  return [
    ...(found.mounted ? [] : [`${nfs.path} is not mounted`]),
    ...(found.threads > 0 ? [] : ['nfsd does not run (0 threads)']),
    ...found.missing.map((name) => `${name} does not run`),
    ...(found.vip ? [] : [`${vip.address} is not on ${vip.device}`]),
    ...(found.marked ? [] : ['the watch is not told that this node serves']),
  ]
}

/** The mount options that protect a node from its clients and that the share lacks; none where it is not mounted. */
export function missingOptions(mounts: string, device: string, path: string): string[] {
  const line = mounts.split('\n').find((one) => one.startsWith(`${device} ${path} `))
  if (line === undefined) return []
  const found = line.split(' ')[3]?.split(',') ?? []
  return guarding.filter((option) => !found.includes(option))
}

/** The same as `missingOptions`, read from a host. */
export async function lacking({ $ }: CheckHost, { drbd, nfs }: Site): Promise<string[]> {
  const { stdout } = await $`cat /proc/mounts`
  return missingOptions(stdout, `/dev/drbd${drbd.minor}`, nfs.path)
}

/** S13: what heartbeat started on the active node still runs there, with the exports on disk. */
export default role(
  'integrate/service',
  ({ vars }: NodeContext) => {
    return [
      task('service is complete where it is active', {
        barrier: true,
        check: async (host) => {
          if (!(await serves(host, vars.preferred))) return
          const missing = partsMissing(await parts(host, vars), vars)
          return missing.length > 0 ? change(missing.join(', ')) : undefined
        },
        apply: async ({ sh }) => {
          await sh`/etc/ha.d/resource.d/tandem-service mend nfs`
          await sh`/etc/ha.d/resource.d/tandem-service mend vip`
        },
      }),
      task(`${vars.nfs.path} is mounted ${guarding.join(', ')}`, {
        check: async (host) => {
          const missing = await lacking(host, vars)
          return missing.length > 0 ? change(`lacks ${missing.join(', ')}`) : undefined
        },
        apply: async ({ sh }) => {
          await sh`mount -o ${['remount', ...mountOptions].join(',')} ${vars.nfs.path}`
        },
      }),
      task('running exports are those on disk', {
        check: async (host) => {
          if (!(await serves(host, vars.preferred))) return
          const found = await parts(host, vars)
          return found.exportsCurrent ? undefined : change('/etc/exports is newer')
        },
        apply: async ({ sh }) => {
          await sh`exportfs -r || grep -q ${`^${vars.nfs.path}[[:space:]]`} /var/lib/nfs/etab; sha256sum /etc/exports >/run/tandem-exports`
        },
      }),
    ]
  },
  { broughtBy: ['nfs/exports'] },
)
