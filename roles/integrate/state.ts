import type { Site } from '../../inventory/schema.ts'
import { type CheckHost, Refusal } from '../../lib/index.ts'
import { manager } from '../cluster/index.ts'
import { describe, drbdStatus } from '../drbd/status.ts'
import { processesOf } from '../shared/processes.ts'
import { stateFolder, volumesOf } from '../shared/volumes.ts'

/**
 * Where the running nfsdcld has its database: `disk`, the disk for it; `share`, as an older Tandem had it; else `elsewhere`;
 * `none` where none runs, as on a standby.
 */
export type Kept = 'disk' | 'share' | 'elsewhere' | 'none'

/** Where a node that serves keeps what it remembers of its clients. */
export async function keptOn(host: CheckHost, { drbd, nfs }: Site): Promise<Kept> {
  const [, state] = volumesOf(drbd)
  const found = await processesOf(host, ['nfsdcld'])
  const pids = found.map(({ pid }) => pid)
  // By the device of the open file: a folder under a mount has the same path.
  const { stdout } =
    await host.$`for one in ${pids}; do for fd in /proc/$one/fd/*; do case $(readlink $fd) in */main.sqlite*) echo "open $(stat -L -c %d $fd)" ;; esac; done; done
    echo "share $(stat -c %d ${nfs.path})"; echo "disk $(stat -c %d ${stateFolder} 2>/dev/null)"; grep ${` ${stateFolder} `} /proc/mounts`.nothrow()
  return keptText(stdout, state?.device ?? '')
}

/** Reads what that says: the numbers of the devices, and the line of the mount. */
export function keptText(stdout: string, stateDevice: string): Kept {
  const device = (word: string) => new RegExp(`^${word} (\\d+)$`, 'm').exec(stdout)?.[1]
  const open = device('open')
  if (open === undefined) return 'none'
  const isMounted = new RegExp(`^${stateDevice} ${stateFolder} \\S+ (\\S*,)?rw(,|\\s)`, 'm').test(
    stdout,
  )
  if (open === device('disk') && isMounted) return 'disk'
  return open === device('share') ? 'share' : 'elsewhere'
}

/** Refuses a planned move after which clients would have lost their locks. */
export async function guardState(host: CheckHost, peerName: string, site: Site): Promise<void> {
  const [, state] = volumesOf(site.drbd)
  if (!state) return
  const [status, kept] = await Promise.all([drbdStatus(host, state), keptOn(host, site)])
  const lost = 'clients would lose their locks'
  if (status.connection !== 'Connected' || status.peerDisk !== 'UpToDate' || status.outOfSync > 0) {
    throw new Refusal(
      `${host.name}: the service does not move while ${peerName} has no current copy of its state (${state.resource}: ${describe(status)}): ${lost}; type npm run play site first`,
    )
  }
  if (kept === 'elsewhere') {
    throw new Refusal(
      `${host.name}: the service does not move while nfsdcld does not keep its memory on ${state.device}: ${lost}. If no client holds a lock, or the locks may be lost, move it by hand: ${manager.commands.standBy} on ${host.name}`,
    )
  }
}
