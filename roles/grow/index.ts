import { type NodeContext, peerOf } from '../../inventory/schema.ts'
import {
  type CheckHost,
  change,
  Refusal,
  requirement,
  role,
  type Task,
  task,
} from '../../lib/index.ts'
import { type DiskState, diskState } from '../drbd/disk.ts'
import { sizeText } from '../drbd/guard.ts'
import { noted } from '../drbd/metadata.ts'
import { usableSize } from '../drbd/on-disk.ts'
import { describe, drbdStatus, isUpToDate } from '../drbd/status.ts'
import { synchronised } from '../drbd/synchronise.ts'
import { onlyOn } from '../shared/only-on.ts'
import { type Volume, volumesOf } from '../shared/volumes.ts'

/** By how much a disk has grown since it was noted, in words; undefined where it has not. */
export function growth({ size, marker }: DiskState, disk: string): string | undefined {
  const before = marker?.disk === disk ? marker.size : undefined
  if (before === undefined || size <= before) return undefined
  return `${disk} has grown from ${sizeText(before)} to ${sizeText(size)}`
}

/** What `verify` says of a disk that has grown. */
export function notGrown({ resource, disk, marker }: Volume): Task {
  return requirement(`DRBD uses the whole disk of ${resource}`, async (host) => {
    const grown = growth(await diskState(host, disk, false, marker), disk)
    if (!grown) return
    throw new Error(
      `${grown}, and DRBD does not use that yet: grow the disk of the other node too, then type npm run play grow`,
    )
  })
}

const deviceBytes = async ({ $ }: CheckHost, { minor }: Volume): Promise<number> =>
  Number((await $`cat /sys/block/drbd${minor}/size`).stdout) * 512

/** DRBD and the filesystem take what disks that have grown have to give, while clients work on. */
export default role('grow', (context: NodeContext) => {
  const { host: self, vars } = context
  const peer = peerOf(context).name
  const volumes = volumesOf(vars.drbd)
  const once = (made: Task): Task => onlyOn(self.name === vars.preferred, made)
  // The share first: a small disk that has no peer is no reason to leave the share as small as it is.
  return volumes.flatMap((volume) => [
    same(volume),
    once(resized(volume, peer)),
    synchronised(volume),
    noted(volume, peer),
    filesystemGrown(volume),
  ])
})

function same(volume: Volume): Task {
  return requirement(`both disks of ${volume.resource} hold the same data`, async (host) => {
    const status = await drbdStatus(host, volume)
    if (isUpToDate(status)) return
    throw new Refusal(
      `${host.name}: expected ${volume.resource} to be Connected UpToDate/UpToDate oos:0, got ${describe(status)}`,
    )
  })
}

function resized(volume: Volume, peer: string): Task {
  const { resource, disk, marker } = volume
  const goal = async (host: CheckHost) => {
    const nodes = [host, host.peer(peer)]
    const disks = await Promise.all(nodes.map((node) => diskState(node, disk, false, marker)))
    return usableSize(Math.min(...disks.map(({ size }) => size)))
  }
  return task(`DRBD uses all of ${disk}`, {
    barrier: true,
    check: async (host) => {
      const [wanted, has] = await Promise.all([goal(host), deviceBytes(host, volume)])
      // DRBD rounds to 4 KiB and more.
      if (wanted - has < 1024 ** 2) return
      return change(`${sizeText(has)} become ${sizeText(wanted)}`)
    },
    apply: async ({ sh }) => {
      await sh`drbdadm resize ${resource}`
    },
  })
}

function filesystemGrown(volume: Volume): Task {
  const { device, filesystem } = volume
  return task(`${filesystem} uses all of ${device}`, {
    barrier: true,
    check: async (host) => {
      const { role: own } = await drbdStatus(host, volume)
      if (own !== 'Primary') return
      const { stdout } = await host.$`dumpe2fs -h ${device} 2>/dev/null`
      const { bytes, isFixed } = parseHead(stdout, device)
      const has = await deviceBytes(host, volume)
      if (has - bytes < 1024 ** 2) return
      if (isFixed) {
        throw new Refusal(
          `${host.name}: the ${filesystem} of ${device} stays at ${sizeText(bytes)}: the kernel cannot grow it while it is mounted, because its journal is too small. DRBD uses the larger disk; no data is lost`,
        )
      }
      return change(`${sizeText(bytes)} become ${sizeText(has)}`)
    },
    apply: async ({ sh }) => {
      await sh`resize2fs ${device}`
    },
  })
}

/** What `dumpe2fs -h` says: the size in bytes, and whether it can only grow while it is not mounted; throws on other text. */
export function parseHead(text: string, device: string): { bytes: number; isFixed: boolean } {
  const number = (key: string) => Number(new RegExp(`^${key}: +(\\d+)$`, 'm').exec(text)?.[1])
  const bytes = number('Block count') * number('Block size')
  if (!(bytes > 0)) throw new Error(`dumpe2fs: expected the size of ${device}, got none`)
  // All reserved blocks of descriptors, and some more, are one transaction, which may have a quarter of the journal.
  const isFixed = number('Reserved GDT blocks') + 6 > number('Total journal blocks') / 4
  return { bytes, isFixed }
}
