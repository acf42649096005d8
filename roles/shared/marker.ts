/** Where the host remembers on which disk Tandem made DRBD's metadata. */
export const markerPath = '/var/lib/tandem/drbd-disk'
/** The same for the disk of the service's own state. */
export const stateMarkerPath = '/var/lib/tandem/state-disk'

/** What that file says. */
export interface Marker {
  readonly disk: string
  /** What the disk itself is called, such as `DM_UUID=LVM-…`; undefined where it has no name of its own. */
  readonly identity: string | undefined
  /** Bytes that the disk had. */
  readonly size: number | undefined
  /** How Tandem knew that nothing was under the metadata it made; undefined for a disk that was adopted. */
  readonly made?: 'read' | 'confirmed' | undefined
  /** The UUID of the filesystem that was on it once: where it shows none any more, its data may be whole all the same. */
  readonly filesystem?: string | undefined
}

/** Parses the file; a line with a path alone is what an administrator writes to adopt a disk. */
export function parseMarker(text: string): Marker | undefined {
  const [disk = '', ...lines] = text.trim().split('\n')
  if (disk === '') return undefined
  const value = (key: string) => {
    const line = lines.find((one) => one.startsWith(`${key} `))
    return line?.slice(key.length + 1)
  }
  const size = value('size')
  const made = value('made')
  return {
    disk,
    identity: value('identity'),
    size: size === undefined ? undefined : Number(size),
    made: made === 'read' || made === 'confirmed' ? made : undefined,
    filesystem: value('filesystem'),
  }
}

/** The file's text. */
export function markerText({ disk, identity, size, made, filesystem }: Marker): string {
  const lines = [
    disk,
    ...(identity === undefined ? [] : [`identity ${identity}`]),
    ...(size === undefined ? [] : [`size ${size}`]),
    ...(made === undefined ? [] : [`made ${made}`]),
    ...(filesystem === undefined ? [] : [`filesystem ${filesystem}`]),
  ]
  return `${lines.join('\n')}\n`
}
