import { type CheckHost, Refusal } from '../../lib/index.ts'

/** What a backing disk carries: signature types such as `ext4`, `LVM2_member`, `drbd`. */
export type Signatures = readonly string[]

/** Parses `wipefs --parsable`: a comment, then `offset,uuid,label,type` a line. Throws on other text. */
export function parseWipefs(text: string): Signatures {
  return text
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => {
      const type = line.match(/^0x[0-9a-f]+,.*,([\w.+-]+)$/i)?.[1]
      if (!type) throw new Error(`wipefs: cannot read the line \`${line}\``)
      return type
    })
}

/** Where the host remembers that Tandem made the DRBD metadata on this disk. */
export const markerPath = '/var/lib/tandem/drbd-disk'

/** What is known of a backing disk before anything is done to it. */
export interface DiskState {
  readonly signatures: Signatures
  /** Tandem made the metadata, or an administrator adopted the disk by writing its path there. */
  readonly ours: boolean
}

/** Looks at a backing disk without opening it for writing; refuses where there is none. */
export async function diskState(host: CheckHost, disk: string): Promise<DiskState> {
  const [there, signatures, marker] = await Promise.all([
    host.$`test -b ${disk}`.nothrow(),
    // DRBD writes past the page cache of the disk below it, so what was read there before is stale;
    // a filesystem made since would be overlooked.
    host.$`blockdev --flushbufs ${disk} && wipefs --no-act --parsable ${disk}`.nothrow(),
    host.$`if [ -e ${markerPath} ]; then cat ${markerPath}; fi`,
  ])
  if (there.exitCode !== 0) {
    throw new Refusal(
      `${host.name}: backing disk ${disk} is missing: expected a block device there`,
    )
  }
  if (signatures.exitCode !== 0) {
    throw new Error(`${host.name}: wipefs cannot read ${disk}: ${signatures.stderr.trim()}`)
  }
  return { signatures: parseWipefs(signatures.stdout), ours: marker.stdout.trim() === disk }
}

/** Whether the disk carries nothing that any tool would recognise. */
export function isBlank(state: DiskState): boolean {
  return state.signatures.length === 0
}

/** Refuses unless the disk is blank or already this pair's own replicated disk. */
export function guardDisk(state: DiskState, host: string, disk: string): void {
  if (isBlank(state)) return
  const what = state.signatures.join(' and ')
  if (!state.signatures.includes('drbd')) {
    throw new Refusal(
      `${host}: ${disk} already carries ${what}: Tandem does not overwrite it. Expected a blank disk; if its data is not needed, a human clears it (wipefs -a) first`,
    )
  }
  if (!state.ours) {
    throw new Refusal(
      `${host}: ${disk} already carries ${what} that Tandem did not make. If it is this pair's own data, adopt it as it is: mkdir -p /var/lib/tandem && echo ${disk} > ${markerPath}`,
    )
  }
}
