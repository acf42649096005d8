import { type NodeContext, peerOf, type Site } from '../../inventory/schema.ts'
import {
  type CheckHost,
  change,
  Refusal,
  requirement,
  role,
  type Task,
  task,
} from '../../lib/index.ts'
import { onlyOn } from '../base/only-on.ts'
import { type DiskState, diskState } from '../drbd/disk.ts'
import { sizeText } from '../drbd/guard.ts'
import { noted } from '../drbd/metadata.ts'
import { usableSize } from '../drbd/on-disk.ts'
import { describe, drbdStatus, isUpToDate } from '../drbd/status.ts'
import { synchronised } from '../drbd/synchronise.ts'
import { volumesOf } from '../drbd/volumes.ts'

type Drbd = Site['drbd']

/** By how much a disk has grown since it was noted, in words; undefined where it has not. */
export function growth({ size, marker }: DiskState, disk: string): string | undefined {
  const before = marker?.disk === disk ? marker.size : undefined
  if (before === undefined || size <= before) return undefined
  return `${disk} has grown from ${sizeText(before)} to ${sizeText(size)}`
}

/** What `verify` says of a disk that has grown. */
export function notGrown(drbd: Drbd): Task {
  return requirement('DRBD uses the whole disk', async (host) => {
    const grown = growth(await diskState(host, drbd.disk), drbd.disk)
    if (!grown) return
    throw new Error(
      `${grown}, and DRBD does not use that yet: when the other node's has grown too, npm run play grow`,
    )
  })
}

const deviceBytes = async ({ $ }: CheckHost, drbd: Drbd): Promise<number> =>
  Number((await $`cat /sys/block/drbd${drbd.minor}/size`).stdout) * 512

/** DRBD and the filesystem take what disks that have grown have to give, while clients work on. */
export default role('grow', (context: NodeContext) => {
  const { host: self, vars } = context
  const { drbd } = vars
  const peer = peerOf(context)
  const device = `/dev/drbd${drbd.minor}`
  const once = (made: Task): Task => onlyOn(self.name === vars.preferred, made)
  const goal = async (host: CheckHost) => {
    const disks = await Promise.all([
      diskState(host, drbd.disk),
      diskState(host.peer(peer.name), drbd.disk),
    ])
    return usableSize(Math.min(...disks.map(({ size }) => size)))
  }
  return [
    requirement('both disks hold the same data', async (host) => {
      const status = await drbdStatus(host, drbd)
      if (isUpToDate(status)) return
      throw new Refusal(
        `${host.name}: expected Connected UpToDate/UpToDate oos:0, got ${describe(status)}`,
      )
    }),
    once(
      task(`DRBD uses all of ${drbd.disk}`, {
        barrier: true,
        check: async (host) => {
          const [wanted, has] = await Promise.all([goal(host), deviceBytes(host, drbd)])
          // DRBD rounds to 4 KiB and more.
          if (wanted - has < 1024 ** 2) return
          return change(`${sizeText(has)} become ${sizeText(wanted)}`)
        },
        apply: async ({ sh }) => {
          await sh`drbdadm resize ${drbd.resource}`
        },
      }),
    ),
    synchronised(drbd),
    task(`${drbd.filesystem} uses all of ${device}`, {
      barrier: true,
      check: async (host) => {
        const { role: own } = await drbdStatus(host, drbd)
        if (own !== 'Primary') return
        const { stdout } = await host.$`dumpe2fs -h ${device} 2>/dev/null`
        const number = (key: string) =>
          Number(new RegExp(`^${key}: +(\\d+)$`, 'm').exec(stdout)?.[1])
        const bytes = number('Block count') * number('Block size')
        const has = await deviceBytes(host, drbd)
        if (!(bytes > 0)) throw new Error(`dumpe2fs: expected the size of ${device}, got none`)
        return has - bytes < 1024 ** 2
          ? undefined
          : change(`${sizeText(bytes)} become ${sizeText(has)}`)
      },
      apply: async ({ sh }) => {
        await sh`resize2fs ${device}`
      },
    }),
    noted(volumesOf(drbd)[0], peer.name),
  ]
})
