import { type CheckHost, Refusal } from '../../lib/index.ts'
import { markerPath } from '../shared/marker.ts'
import { type DiskState, diskState } from './disk.ts'
import { usableSize } from './on-disk.ts'
import { kinship } from './split-brain.ts'
import { describe, drbdStatus, isJustCreated } from './status.ts'

/** What a backing disk is to this pair. */
export type Standing =
  /** Nothing is known against it; `remembered` where the host notes it as this pair's all the same. */
  | { readonly is: 'blank'; readonly remembered: boolean }
  /** This pair's own replicated disk; `why` where the host did not remember it. */
  | { readonly is: 'own'; readonly why?: string }

/** Sizes as an administrator writes them: bytes below 1 MiB, else MiB with what LVM rounds to. */
export function sizeText(bytes: number): string {
  const mib = bytes / 1024 ** 2
  if (mib < 1) return `${bytes} bytes`
  const text = Number.isInteger(mib) ? String(mib) : mib.toFixed(2)
  return mib < 10 * 1024 ? `${text} MiB` : `${(mib / 1024).toFixed(2)} GiB`
}

/** Whose disk is judged, for its sentences. */
export interface Judged {
  readonly host: string
  readonly disk: string
  readonly minor: number
  readonly peer: string
  /** The file in which a host notes that the disk is ours; unless given, the one for the share's disk. */
  readonly marker?: string
}

/** The disk of one node, and where its peer is asked. */
export type Place = Omit<Judged, 'host'>

/** The peer's disk, with DRBD's metadata even while DRBD has the disk open. */
export const peerState = (host: CheckHost, { disk, peer, marker }: Place): Promise<DiskState> =>
  diskState(host.peer(peer), disk, true, marker)

/** Looks at a node's backing disk and tells what it is to this pair; refuses one that carries anything else. */
export async function standing(
  host: CheckHost,
  place: Place,
): Promise<Standing & { readonly state: DiskState }> {
  const state = await diskState(host, place.disk, false, place.marker)
  const found = await judge(state, { ...place, host: host.name }, () => peerState(host, place))
  return { ...found, state }
}

/**
 * Tells what a disk is by what was seen of it; the peer's is looked at only where it decides. `blank` means
 * that nothing is known against a disk, not that it was read: data does not need a signature.
 */
export async function judge(
  state: DiskState,
  { host, disk, minor, peer, marker: noted = markerPath }: Judged,
  theirs: () => Promise<DiskState>,
): Promise<Standing> {
  const { signatures, marker, size, identity, metadata } = state
  const what = signatures.join(' and ')
  if (state.minor === minor) return { is: 'own' }
  if (state.minor !== undefined) {
    throw new Refusal(
      `${host}: DRBD minor ${state.minor} uses ${disk}, and the inventory gives it to minor ${minor}: expected a disk that nothing uses`,
    )
  }
  const remembered = marker?.disk === disk ? marker : undefined
  const isThat = remembered && (remembered.identity ?? identity) === identity
  if (isThat && remembered.size !== undefined && !metadata) {
    const before = sizeText(remembered.size)
    if (size < remembered.size && signatures.length > 0) {
      throw new Refusal(
        `${host}: ${disk} has shrunk from ${before} to ${sizeText(size)}: the part that is missing held the end of its data and DRBD's metadata. Give ${disk} its ${before} again; nothing else brings them back`,
      )
    }
    if (state.oldMetadata)
      return { is: 'own', why: `has grown from ${before} to ${sizeText(size)}` }
  }
  if (signatures.length === 0) return { is: 'blank', remembered: Boolean(isThat) }
  if (isThat && !metadata) {
    throw new Refusal(
      `${host}: ${disk} is this pair's own and carries ${what}, but DRBD's metadata is not at its end any more. Its data may be whole and may be the last copy, so Tandem does not make new metadata on it`,
    )
  }
  if (!signatures.includes('drbd')) {
    const same = await sharesData(state, theirs)
    if (same) {
      throw new Refusal(
        `${host}: ${disk} carries the same ${what} as the disk of ${peer}, but no DRBD metadata at its end: ${disk} belongs to this pair and was perhaps grown or shrunk while DRBD was down. Its data may be the last copy, so Tandem does not overwrite it`,
      )
    }
    throw new Refusal(
      `${host}: ${disk} already carries ${what}: Tandem does not overwrite it. Expected a blank disk; if nobody needs its data, clear it yourself first (wipefs -a)`,
    )
  }
  if (isThat) return { is: 'own' }
  const peers = await theirs()
  const other = peers.metadata ?? peers.oldMetadata
  const known = remembered
    ? `${disk} led to another disk when Tandem made DRBD's metadata (then ${remembered.identity}, now ${identity ?? 'without a name'})`
    : `${noted} on ${host} does not name ${disk}`
  if (metadata && other && !isJustCreated(metadata.generations)) {
    if (kinship(metadata.generations, other.generations) !== 'unrelated') {
      guardCopy(state, { host, disk, minor, peer, marker: noted })
      return { is: 'own', why: `is this pair's: its history is that of ${peer}'s disk` }
    }
    if (state.uuids.some((uuid) => peers.uuids.includes(uuid))) {
      throw new Refusal(
        `${host}: ${disk} carries the same ${what} as the disk of ${peer}, but DRBD's histories of the two disks have nothing in common, and ${known}. You must decide which data to keep; to adopt this disk as it is: mkdir -p /var/lib/tandem && echo ${disk} > ${noted}`,
      )
    }
    throw new Refusal(
      `${host}: ${disk} already carries ${what} of another pair: its history has nothing in common with that of the disk of ${peer}, and ${known}. If nobody needs its data, clear it yourself first (wipefs -a)`,
    )
  }
  throw new Refusal(
    `${host}: ${disk} already carries ${what} that Tandem did not make: ${known}. If it is this pair's own data, adopt it as it is: mkdir -p /var/lib/tandem && echo ${disk} > ${noted}`,
  )
}

/** Refuses another disk than the noted one that has this pair's history: a copy lacks what was written since it was made. */
function guardCopy(
  { marker, identity }: DiskState,
  { host, disk, peer, marker: noted = markerPath }: Judged,
): void {
  const before = marker?.disk === disk ? marker.identity : undefined
  const kind = (name: string | undefined) => name?.split('=')[0]
  // Another kind of name may be another word for the same disk: that of a newer udev.
  if (before === undefined || before === identity || kind(before) !== kind(identity)) return
  throw new Refusal(
    `${host}: ${disk} is another disk than the one that was noted (then ${before}, now ${identity}), and carries this pair's data: expected the disk itself, got a copy or a restored image, which may lack the last writes and DRBD does not know it. If ${peer} has the data: clear ${disk} (wipefs -a), and npm run play site fills it from ${peer}. If ${disk} is the last copy: echo ${disk} > ${noted} on ${host}`,
  )
}

/** Refuses to give up a disk of the pair's own that shows nothing any more, unless the peer has all of its data. */
export async function guardLost(
  host: CheckHost,
  { disk, peer, minor }: Place,
  { marker }: DiskState,
): Promise<void> {
  // Where no filesystem was ever noted, nothing was on it: a run that was killed before it made one.
  if (marker?.disk !== disk || marker.filesystem === undefined) return
  const status = await drbdStatus(host.peer(peer), { minor })
  if (status.disk === 'UpToDate') return
  throw new Refusal(
    `${host.name}: ${disk} is noted as this pair's own disk and shows nothing of it any more: its data may be the last copy. Expected DRBD UpToDate on ${peer} before ${disk} is overwritten, got ${describe(status)}`,
  )
}

/** Whether the peer replicates the very filesystem of this disk; false where the peer cannot be asked. */
async function sharesData(state: DiskState, theirs: () => Promise<DiskState>): Promise<boolean> {
  if (state.uuids.length === 0) return false
  const other = await theirs().catch(() => undefined)
  if (!other || !(other.metadata ?? other.oldMetadata)) return false
  return state.uuids.some((uuid) => other.uuids.includes(uuid))
}

/** Refuses a disk that cannot take what the pair already holds. */
export function guardSize(state: DiskState, theirs: DiskState, { host, disk, peer }: Judged): void {
  const needed = (theirs.metadata ?? theirs.oldMetadata)?.agreedSize ?? 0
  if (needed === 0 || usableSize(state.size) >= needed) return
  throw new Refusal(
    `${host}: ${disk} is too small: it has ${sizeText(state.size)}, but the disk of ${peer} (${sizeText(theirs.size)}) holds ${sizeText(needed)} of data. Expected a disk at least as large as that of ${peer}`,
  )
}
