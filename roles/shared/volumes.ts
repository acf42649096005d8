import type { Site } from '../../inventory/schema.ts'
import { markerPath, stateMarkerPath } from './marker.ts'

/** What is used of a site's replicated disks. */
type Drbd = Pick<Site['drbd'], 'resource' | 'minor' | 'port' | 'disk' | 'stateDisk' | 'filesystem'>

/** One replicated disk of the pair, which is a DRBD resource of its own. */
export interface Volume {
  /** What drbdadm calls it. */
  readonly resource: string
  readonly minor: number
  /** `/dev/drbd0` */
  readonly device: string
  readonly port: number
  /** The disk below it. */
  readonly disk: string
  readonly filesystem: Site['drbd']['filesystem']
  /** Where a host remembers that disk. */
  readonly marker: string
}

/**
 * The disk that clients see, and, where the inventory has one for it, that of the service's own state. Two resources and
 * not two volumes of one: DRBD 8.4 holds all I/O of a resource when one of its disks has no data, and connects none of its
 * volumes when one cannot be attached, so the small disk could take the share away.
 */
export function volumesOf(drbd: Drbd): readonly [share: Volume, ...state: Volume[]] {
  const { resource, minor, port, disk, stateDisk, filesystem } = drbd
  const at = (device: number) => `/dev/drbd${device}`
  const share = { resource, minor, port, disk, filesystem, device: at(minor), marker: markerPath }
  if (stateDisk === undefined) return [share]
  const state = {
    resource: `${resource}-state`,
    minor: minor + 1,
    device: at(minor + 1),
    port: port + 1,
    disk: stateDisk,
    filesystem,
    marker: stateMarkerPath,
  }
  return [share, state]
}

/** Where the disk of the service's own state is mounted; never exported. */
export const stateFolder = '/var/lib/tandem/state'

/** The folder with what follows the service: who may reclaim locks, and who is connected. */
export const stateIn = ({ drbd, nfs }: Pick<Site, 'drbd' | 'nfs'>): string =>
  drbd.stateDisk === undefined ? nfs.path : stateFolder
