import { change, Refusal, type Task, task } from '../../lib/index.ts'
import type { Volume } from '../shared/volumes.ts'
import { type DiskState, diskState, parseWipefs } from './disk.ts'
import { describe, drbdStatus, generations, isFirstGeneration, isUpToDate } from './status.ts'

/** What a client makes in the share is no program of root's and no device for the node. */
export const guarding = ['nosuid', 'nodev']

/** How the share is mounted. */
export const mountOptions = ['noatime', ...guarding, 'errors=remount-ro']

/** How the disk of the service's own state is mounted. */
export const stateOptions = ['noatime', ...guarding, 'noexec', 'errors=remount-ro']

/** Refuses where a filesystem was noted on a disk that shows none: its head may be all that is damaged. */
function guardNoted(host: string, volume: Volume, { marker, minor, signatures }: DiskState): void {
  if (marker?.disk !== volume.disk || marker.filesystem === undefined) return
  // A disk that is not DRBD's yet is another one, or is looked at before it becomes so.
  if (minor === undefined && !signatures.includes('drbd')) return
  throw new Refusal(
    `${host}: ${volume.device} had ${volume.filesystem} ${marker.filesystem} (${volume.marker}) and shows no filesystem any more: its head is damaged, but its files may be whole, so Tandem does not make a new filesystem. Repair the old one (drbdadm primary ${volume.resource}, then e2fsck -b with one of the backup superblocks that mke2fs -n ${volume.device} lists); if nobody needs its files, delete the line \`filesystem\` of ${volume.marker} on both nodes`,
  )
}

/** S10: a filesystem, only on a synchronised device that never had one. */
export function filesystem(volume: Volume, peerName: string): Task {
  const { device } = volume
  return task(`${volume.filesystem} on ${device}`, {
    barrier: true,
    check: async (host) => {
      // DRBD's own metadata is at the end of the disk, so the filesystem begins where the disk does
      // and can be seen there whichever node is Primary.
      const state = await diskState(host, volume.disk, false, volume.marker)
      const { signatures } = state
      const others = signatures.filter((type) => type !== 'drbd')
      if (others.length === 0) {
        guardNoted(host.name, volume, state)
        return change('no filesystem yet')
      }
      if (others.length === 1 && others[0] === volume.filesystem) return
      throw new Refusal(
        `${host.name}: expected ${volume.filesystem} on ${volume.disk}, got ${others.join(' and ')}`,
      )
    },
    destroys: {
      what: device,
      proof: async (host) => {
        const peer = host.peer(peerName)
        const [status, mine, peerDisk] = await Promise.all([
          drbdStatus(host, volume),
          generations(host, volume.resource),
          diskState(peer, volume.disk, false, volume.marker),
        ])
        guardNoted(peerName, volume, peerDisk)
        if (!isUpToDate(status)) {
          throw new Refusal(`${host.name}: ${device} is not synchronised (${describe(status)})`)
        }
        // A run that died in between may have left this node Primary; mke2fs itself then sees to it
        // that nobody holds the device.
        if (status.peerRole !== 'Secondary') {
          throw new Refusal(`${host.name}: ${device} is in use (${describe(status)})`)
        }
        if (!isFirstGeneration(mine)) {
          throw new Refusal(
            `${host.name}: ${device} has a history (generation ${mine.current}) but no filesystem: expected a device that was just initialised`,
          )
        }
        if (peerDisk.signatures.some((type) => type !== 'drbd')) {
          throw new Refusal(`${peerName}: ${volume.disk} carries ${peerDisk.signatures.join(', ')}`)
        }
      },
    },
    apply: async ({ sh, name }) => {
      // One command, which runs to its end whatever becomes of the run: nobody is left Primary. Once more through DRBD
      // itself: without a terminal mke2fs does not look before it writes. No discard: it would mark all of the disk as
      // just written, and a crash soon after would cost a full resync.
      const { stdout } = await sh`drbdadm primary ${volume.resource} || exit
        trap ${`udevadm settle --timeout=10; drbdadm secondary ${volume.resource}`} EXIT
        found=$(wipefs --no-act --parsable ${device}) || exit
        [ -z "$found" ] || { echo "$found"; exit 0; }
        mke2fs -q -E nodiscard -t ${volume.filesystem} ${device} </dev/null`
      const { signatures: there } = parseWipefs(stdout)
      if (there.length > 0) {
        throw new Refusal(`${name}: ${device} already carries ${there.join(' and ')}`)
      }
    },
  })
}
