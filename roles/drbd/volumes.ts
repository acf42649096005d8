import type { Site } from '../../inventory/schema.ts'
import { markerPath, stateMarkerPath } from './marker.ts'

/** What is used of a site's replicated disks. */
export type Drbd = Pick<Site['drbd'], 'resource' | 'minor' | 'disk' | 'stateDisk' | 'filesystem'>

/** One replicated disk of the pair. */
export interface Volume {
  /** What drbdadm calls it: the resource, or `resource/number` where that has two volumes. */
  readonly resource: string
  readonly minor: number
  /** `/dev/drbd0` */
  readonly device: string
  /** The disk below it. */
  readonly disk: string
  readonly filesystem: Site['drbd']['filesystem']
  /** Where a host remembers that disk. */
  readonly marker: string
}

/** The volume that clients see, and, where the inventory has a disk for it, that of the service's own state. */
export function volumesOf(drbd: Drbd): readonly [share: Volume, ...state: Volume[]] {
  const { resource, minor, disk, stateDisk, filesystem } = drbd
  const of = (number: number, below: string, marker: string): Volume => ({
    resource: stateDisk === undefined ? resource : `${resource}/${number}`,
    minor: minor + number,
    device: `/dev/drbd${minor + number}`,
    disk: below,
    filesystem,
    marker,
  })
  const share = of(0, disk, markerPath)
  return stateDisk === undefined ? [share] : [share, of(1, stateDisk, stateMarkerPath)]
}

/** Where the volume of the service's own state is mounted; never exported. */
export const stateFolder = '/var/lib/tandem/state'

/** The folder with what follows the service: who may reclaim locks, and who is connected. */
export const keptIn = ({ drbd, nfs }: Pick<Site, 'drbd' | 'nfs'>): string =>
  drbd.stateDisk === undefined ? nfs.path : stateFolder
