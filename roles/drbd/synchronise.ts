import { type CheckHost, change, Refusal, type Task, task, waitUntil } from '../../lib/index.ts'
import type { Volume } from '../shared/volumes.ts'
import { diskState } from './disk.ts'
import {
  describe,
  drbdStatus,
  generations,
  isConnected,
  isIdle,
  isJustCreated,
  isUpToDate,
} from './status.ts'

/** Makes one of two new disks the source; never chooses between disks that held data. */
export function initialSync(volume: Volume, peerName: string): Task {
  /** Refuses unless neither disk ever held replicated data and neither node serves. */
  const virgin = async (host: CheckHost) => {
    const peer = host.peer(peerName)
    const [status, mine, theirs] = await Promise.all([
      drbdStatus(host, volume),
      generations(host, volume.resource),
      generations(peer, volume.resource),
    ])
    const both = status.disk === 'Inconsistent' && status.peerDisk === 'Inconsistent'
    const idle = status.role === 'Secondary' && status.peerRole === 'Secondary'
    if (status.connection === 'Connected' && both && idle) {
      if (isJustCreated(mine) && isJustCreated(theirs)) return true
      throw new Refusal(
        `${host.name}: both disks are Inconsistent, but they are not new (generations ${mine.current}, ${theirs.current}): a synchronisation ended before it was complete. You must decide which disk to keep`,
      )
    }
    return false
  }
  return task(`first synchronisation of ${volume.resource}`, {
    barrier: true,
    check: async (host) =>
      (await virgin(host))
        ? change(`both disks are new: ${host.name} becomes the source`)
        : undefined,
    destroys: {
      what: volume.disk,
      proof: async (host) => {
        const disks = await Promise.all([
          diskState(host, volume.disk, false, volume.marker),
          diskState(host.peer(peerName), volume.disk, false, volume.marker),
        ])
        for (const [place, disk] of disks.entries()) {
          const data = disk.signatures.filter((type) => type !== 'drbd')
          if (data.length === 0) continue
          throw new Refusal(
            `${place === 0 ? host.name : peerName}: ${volume.disk} carries ${data.join(' and ')}, although its DRBD metadata is new: Tandem does not choose a source, because the first synchronisation could overwrite that`,
          )
        }
        for (const [place, { marker }] of disks.entries()) {
          const node = place === 0 ? host : host.peer(peerName)
          if (marker?.made !== undefined || (await isAllZero(node, volume))) continue
          throw new Refusal(
            `${node.name}: ${volume.disk} was adopted, its metadata is new, and it is not blank: nothing on it has a copy. Tandem does not choose between two such disks. Choose yourself: drbdadm -- --overwrite-data-of-peer primary ${volume.resource}, on the node whose data you want to keep`,
          )
        }
        if (!(await virgin(host))) {
          throw new Refusal(`${host.name}: the disks are not new any more`)
        }
      },
    },
    apply: async (host) => {
      const { sh } = host
      const hosts = [host, host.peer(peerName)]
      host.progress('reads both disks')
      if ((await Promise.all(hosts.map((node) => isAllZero(node, volume)))).every(Boolean)) {
        // Both hold the same already: nothing. What `virgin` proved still holds, DRBD itself insists on it.
        await sh`drbdadm -- --clear-bitmap new-current-uuid ${volume.resource}`
        return
      }
      // Only the first node to be promoted is the source; heartbeat promotes from here on.
      await sh`drbdadm -- --overwrite-data-of-peer primary ${volume.resource} && drbdadm secondary ${volume.resource}`
    },
  })
}

/** Disks up to this size are read before they are copied: it takes seconds. */
const readable = 4 * 1024 ** 3

/** Whether every byte that DRBD replicates is zero, read from the disk itself; false where it is too large. */
async function isAllZero({ $ }: CheckHost, volume: Volume): Promise<boolean> {
  // DRBD has the disk for itself, so it cannot change in between.
  const { exitCode } = await $`
    size=$(blockdev --getsize64 ${volume.disk}) && [ "$size" -le ${readable} ] || exit 1
    read -r sectors </sys/block/drbd${volume.minor}/size && [ "$sectors" -gt 0 ] || exit 1
    blockdev --flushbufs ${volume.disk} && cmp -s -n $((sectors * 512)) ${volume.disk} /dev/zero`
    .within(300_000)
    .nothrow()
  return exitCode === 0
}

/** Waits until both disks hold the same data, saying how far it is. */
export function synchronised({ resource, minor }: Pick<Volume, 'resource' | 'minor'>): Task {
  return waitUntil(`both disks of ${resource} hold the same data`, {
    barrier: true,
    // 127 GiB over 1 Gbit/s take 20 minutes; a slow line may take a night.
    timeoutMs: 24 * 3_600_000,
    everyMs: 2_000,
    probe: async (host) => {
      const status = await drbdStatus(host, { minor })
      if (isUpToDate(status)) return true
      isConnected(status, host.name)
      // Found by a comparison: DRBD copies them when the nodes meet anew, not by itself.
      if (isIdle(status)) {
        throw new Refusal(
          `${host.name}: the disks differ in ${status.outOfSync} KiB, and no resync is running (${describe(status)}): npm run play verify tells what to do`,
        )
      }
      const { sync } = status
      if (!sync) return describe(status)
      const speed = sync.speed === undefined ? '' : `, ${(sync.speed / 1024).toFixed(1)} MiB/s`
      const left = sync.left === undefined ? '' : `, ${sync.left} left`
      return {
        fraction: sync.fraction,
        text: `synchronised${speed}${left}`,
      }
    },
  })
}
