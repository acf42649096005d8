import { type CheckHost, Refusal } from '../../lib/index.ts'
import { type Marker, markerPath, parseMarker } from '../shared/marker.ts'
import { type OnDisk, parseOnDisk, superblockAt } from './on-disk.ts'

/** What a backing disk carries: signature types such as `ext4`, `LVM2_member`, `drbd`. */
export type Signatures = readonly string[]

/** Parses `wipefs --parsable`: a comment, then `offset,uuid,label,type` a line. Throws on other text. */
export function parseWipefs(text: string): Pick<DiskState, 'signatures' | 'uuids' | 'content'> {
  const found = text
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => {
      const [, uuid = '', type] = line.match(/^0x[0-9a-f]+,([^,]*),.*,([\w.+-]+)$/i) ?? []
      if (!type) throw new Error(`wipefs: cannot read the line \`${line}\``)
      return { uuid, type }
    })
  return {
    signatures: found.map(({ type }) => type),
    uuids: found.flatMap(({ uuid }) => (uuid === '' ? [] : [uuid])),
    content: found.find(({ type, uuid }) => type !== 'drbd' && uuid !== '')?.uuid,
  }
}

/** Names that a disk keeps whatever its path is, the most certain first. */
const identities = [
  'DM_UUID',
  'MD_UUID',
  'ID_PART_ENTRY_UUID',
  'ID_WWN_WITH_EXTENSION',
  'ID_WWN',
  'ID_SERIAL',
]

const block =
  'dd if="$d" bs=4096 skip=$((at / 4096)) count=1 iflag=direct 2>/dev/null | od -An -v -tx1 -N 72'

/** Prints a block of a disk from byte `$2` on. */
const blockScript = `d=$1 at=$2; ${block}`

// The text of drbdsetup holds a secret: only two of its lines leave the host. A converged run asks this
// several times, so the shell itself reads what it can.
const factsScript = `d=$1 deep=$2
set -- $(stat -L -c '%t %T' "$d") && dev=$((0x$1)):$((0x$2)) own=$1:$2 || exit 1
sys=/sys/dev/block/$dev number= minor=
read -r sectors <$sys/size || exit 1
size=$((sectors * 512))
echo "size $size"
read -r boot </proc/sys/kernel/random/boot_id
for file in $sys/diskseq $sys/../diskseq; do [ ! -e $file ] || { read -r number <$file; break; }; done
read -r _ _ _ _ _ _ written _ <$sys/stat
# What is written through the whole disk does not show in the count of a partition; where another partition of that disk is
# in use, its writes are in that count too, and it says nothing.
if [ -e $sys/partition ]; then
  read -r _ _ _ _ _ _ more _ <$sys/../stat
  for other in $sys/../*/dev; do
    read -r name <$other
    [ "$name" != "$dev" ] || continue
    ! grep -q " $name " /proc/self/mountinfo && [ -z "$(ls -A \${other%/dev}/holders)" ] && ! grep -q "^/dev/$(basename "\${other%/dev}") " /proc/swaps || more=
  done
  written=$written/$more
fi
echo "stamp $boot $dev $number $written"
if [ -e $sys/dm/uuid ] && read -r uuid <$sys/dm/uuid; then echo "property DM_UUID=$uuid"
else udevadm info --query=property --name="$d" 2>/dev/null | sed -n 's/^[A-Z_]*=./property &/p'
fi
if [ -e /proc/drbd ]; then
  shown=$(drbdsetup show) || exit 1
  minor=$(echo "$shown" | sed -nE 's/^[[:space:]]*device[[:space:]]*minor ([0-9]*);/minor \\1/p; s/^[[:space:]]*disk[[:space:]]*"(.*)";/disk \\1/p' |
    while read -r word value; do
      case $word in
      minor) minor=$value ;;
      disk) [ "$value" != "$d" ] && [ "$(stat -L -c '%t:%T' "$value")" != "$own" ] || { echo "$minor"; break; } ;;
      esac
    done)
fi
[ -z "$minor" ] || { echo "minor $minor"; [ -n "$deep" ] || exit 0; }
at=$((size / 4096 * 4096 - 4096))
[ $at -lt 0 ] || { printf 'end '; ${block} | tr -d '\\n'; echo; }`

/** Parses what that prints: a word and its value a line. */
export function parseFacts(
  text: string,
  host: string,
  disk: string,
): Pick<DiskState, 'size' | 'identity' | 'stamp' | 'minor' | 'metadata'> {
  const values = (word: string) =>
    text
      .split('\n')
      .flatMap((line) => (line.startsWith(`${word} `) ? [line.slice(word.length + 1)] : []))
  const [size] = values('size')
  const [stamp] = values('stamp')
  if (size === undefined || stamp === undefined) {
    throw new Error(
      `${host}: expected the size of ${disk}, got ${JSON.stringify(text.slice(0, 200))}`,
    )
  }
  const properties = values('property')
  const [identity] = identities.flatMap((key) =>
    properties.filter((one) => one.startsWith(`${key}=`)),
  )
  const [minor] = values('minor')
  const [end] = values('end')
  return {
    size: Number(size),
    identity,
    stamp,
    minor: minor === undefined ? undefined : Number(minor),
    metadata: end === undefined ? undefined : parseOnDisk(end),
  }
}

/** What is known of a backing disk before anything is done to it. */
export interface DiskState {
  readonly signatures: Signatures
  /** Names of what has a signature, such as a filesystem's UUID: both disks of a pair carry the same. */
  readonly uuids: readonly string[]
  /** That of what it carries beside DRBD's metadata. */
  readonly content: string | undefined
  /** In bytes. */
  readonly size: number
  /** What the disk calls itself, whatever its path; undefined where it has no name of its own. */
  readonly identity: string | undefined
  /** Changes with every boot, every write, and every disk of that path: what was read before counts no more. */
  readonly stamp: string
  /** The DRBD minor that has the disk open; undefined where none has. */
  readonly minor: number | undefined
  /** What the host remembers. */
  readonly marker: Marker | undefined
  /** DRBD's metadata at the end of the disk; not looked for while DRBD has the disk open. */
  readonly metadata: OnDisk | undefined
  /** DRBD's metadata where the end was when the marker was written, where that is another place. */
  readonly oldMetadata: OnDisk | undefined
}

/**
 * Looks at a backing disk without opening it for writing; refuses where there is none. `deep` reads DRBD's
 * metadata even while DRBD has the disk open: its generations are written there whenever they change.
 * `markedAt` is the file in which the host remembers the disk.
 */
export async function diskState(
  host: CheckHost,
  disk: string,
  deep = false,
  markedAt = markerPath,
): Promise<DiskState> {
  const [there, signatures, facts, marker] = await Promise.all([
    host.$`test -b ${disk}`.nothrow(),
    // DRBD writes past the page cache of the disk below it, so what was read there before is stale;
    // a filesystem made since would be overlooked.
    host.$`blockdev --flushbufs ${disk} && wipefs --no-act --parsable ${disk}`.nothrow(),
    host.$`[ ! -b ${disk} ] || sh -c ${factsScript} facts ${disk} ${deep ? 'deep' : ''}`,
    host.$`if [ -e ${markedAt} ]; then cat ${markedAt}; fi`,
  ])
  if (there.exitCode !== 0) {
    throw new Refusal(
      `${host.name}: backing disk ${disk} is missing: expected a block device there`,
    )
  }
  if (signatures.exitCode !== 0) {
    throw new Error(`${host.name}: wipefs cannot read ${disk}: ${signatures.stderr.trim()}`)
  }
  const { size, metadata, ...known } = parseFacts(facts.stdout, host.name, disk)
  const remembered = parseMarker(marker.stdout)
  const before = remembered?.disk === disk ? remembered.size : undefined
  const oldMetadata =
    before === undefined || superblockAt(before) === superblockAt(size) || before > size
      ? undefined
      : parseOnDisk(
          (await host.$`sh -c ${blockScript} block ${disk} ${superblockAt(before)}`).stdout,
        )
  const seen = parseWipefs(signatures.stdout)
  // Where a disk's size is no multiple of 4 KiB, wipefs looks for DRBD's metadata in another place than DRBD.
  const missed = metadata && !seen.signatures.includes('drbd') ? ['drbd'] : []
  return {
    signatures: [...seen.signatures, ...missed],
    uuids: seen.uuids,
    content: seen.content,
    size,
    metadata,
    ...known,
    marker: remembered,
    oldMetadata,
  }
}
