import type { NodeContext } from '../../inventory/schema.ts'
import {
  type Change,
  type CheckHost,
  type Host,
  Refusal,
  type Task,
  task,
  UsageError,
} from '../../lib/index.ts'
import { type Volume, volumesOf } from '../shared/volumes.ts'
import { type DiskState, diskState } from './disk.ts'
import { guardLost, guardSize, peerState, sizeText, standing } from './guard.ts'

/** Disks that were read to their end in this process and held nothing but zeros, by their stamp. */
const read = new Set<string>()

/** Whether nothing has been written to a disk since it was read to its end, and nothing was on it. */
export const wasRead = ({ stamp }: DiskState): boolean => read.has(stamp)

/** How a disk is named in a confirmation. */
export const confirmation = (host: string, disk: string): string => `${host}:${disk}`

/** Whether an administrator has typed that whatever is on this host's disk may go; throws for another disk. */
export function isConfirmed({ host, vars }: NodeContext, disk: string): boolean {
  const { overwrite = [] } = vars as { readonly overwrite?: readonly string[] }
  const own = overwrite.filter((word) => word.startsWith(`${host.name}:`))
  const wanted = volumesOf(vars.drbd).map((volume) => confirmation(host.name, volume.disk))
  const other = own.find((word) => !wanted.includes(word))
  if (other === undefined) return own.includes(confirmation(host.name, disk))
  throw new UsageError(
    `Expected --overwrite with a backing disk of ${host.name} in the inventory (${wanted.join(' or ')}), got --overwrite ${other}`,
  )
}

/** The disk whose blankness is to be known. */
export interface Blank extends Pick<Volume, 'disk' | 'minor' | 'marker'> {
  readonly peer: string
  /** An administrator has typed that whatever is on it may go. */
  readonly confirmed: boolean
}

/**
 * Reads a disk without a signature from its first byte to its last before anything is changed: data does
 * not need a signature to be data. Changes nothing itself.
 */
export function blankDisk({ confirmed, ...place }: Blank): Task {
  const { disk, marker } = place
  const look = (host: CheckHost) => standing(host, place)
  return task(`backing disk ${disk}`, {
    // The peer's disk may have to be looked at.
    barrier: true,
    timeoutMs: 7 * 24 * 3_600_000,
    check: async (host): Promise<Change | undefined> => {
      const { state, ...found } = await look(host)
      if (found.is === 'own') {
        if (!confirmed) return
        throw new Refusal(
          `${host.name}: ${disk} is this pair's own disk: nothing of it is overwritten, so leave out --overwrite`,
        )
      }
      // A peer whose disk cannot be looked at says so itself.
      const theirs = await peerState(host, place).catch(() => undefined)
      if (theirs) guardSize(state, theirs, { ...place, host: host.name })
      if (confirmed && found.remembered) await guardLost(host, place, state)
      if (confirmed || wasRead(state)) return
      return {
        summary: `carries nothing known; all of it (${sizeText(state.size)}) is read before anything is written`,
      }
    },
    apply: async (host) => {
      const { state, ...found } = await look(host)
      const lost = found.is === 'blank' && found.remembered
      await readToEnd(host, disk, state.size, lost)
      const after = await diskState(host, disk, false, marker)
      if (after.stamp !== state.stamp) {
        throw new Refusal(
          `${host.name}: something wrote to ${disk} while it was read: expected a disk that nothing uses`,
        )
      }
      read.add(after.stamp)
    },
  })
}

/**
 * Prints how far it is (`at BYTE`), then what cmp and dd said and ended with. Reads past the page cache, through
 * a descriptor that this shell shares, whose place tells how far dd is.
 */
const readScript = `d=$1 size=$2
exec 3<"$d" 4>&1 || exit 1
said=$(
  exec 5>&1
  { dd bs=4194304 iflag=direct <&3 2>&5; printf '\\ndd %s\\n' $? >&5; } | { LC_ALL=C cmp -n "$size" - /dev/zero >&5 2>&5; printf '\\ncmp %s\\n' $? >&5; } &
  while kill -0 $! 2>/dev/null; do
    sleep 1
    while read -r word value; do [ "$word" != pos: ] || echo "at $value" >&4; done <"/proc/$$/fdinfo/3"
  done
)
echo said
echo "$said"`

/** Reads a disk to its end; refuses where a byte is not zero, and throws where it cannot be read. */
async function readToEnd(host: Host, disk: string, size: number, lost: boolean): Promise<void> {
  const began = performance.now()
  const running = host.sh({ nothrow: true })`sh -c ${readScript} read ${disk} ${size}`
  // It may take hours, and nothing is lost by ending it.
  const stop = () => void running.kill('SIGTERM')
  host.signal.addEventListener('abort', stop)
  let rest = ''
  running.stdout.on('data', (piece) => {
    const lines = `${rest}${piece}`.split('\n')
    rest = lines.pop() ?? ''
    const at = lines.flatMap((line) => /^at (\d+)$/.exec(line)?.[1] ?? []).at(-1)
    if (at !== undefined)
      host.progress(progressText(Number(at), size, performance.now() - began), Number(at) / size)
  })
  const { stdout, stderr } = await running.finally(() =>
    host.signal.removeEventListener('abort', stop),
  )
  host.signal.throwIfAborted()
  const said = stdout.split(/^said$/m)[1] ?? ''
  if (/^cmp 0$/m.test(said) && /^dd 0$/m.test(said)) return
  const byte = /differ: (?:byte|char) (\d+)/.exec(said)?.[1]
  if (byte === undefined) {
    throw new Error(
      `${host.name}: ${disk} cannot be read to its end: ${`${said}${stderr}`.trim().replaceAll(/\s+/g, ' ')}`,
    )
  }
  if (lost) {
    throw new Refusal(
      `${host.name}: ${disk} is noted as this pair's own disk. It has neither a filesystem nor DRBD's metadata any more, but byte ${Number(byte) - 1} of ${size} is not zero: its data may be the last copy, so Tandem does not overwrite it`,
    )
  }
  throw new Refusal(
    `${host.name}: ${disk} is not blank: it has no signature, but byte ${Number(byte) - 1} of ${size} is not zero: Tandem does not overwrite data. If it is not needed, say so: npm run play site -- --overwrite ${confirmation(host.name, disk)}`,
  )
}

/** `12 of 560 MiB read, 180 MiB/s, 3 min left`. */
export function progressText(at: number, size: number, ms: number): string {
  const rate = ms > 0 ? at / (ms / 1000) : 0
  const told = `${sizeText(at)} of ${sizeText(size)} read`
  if (rate === 0) return told
  const left = (size - at) / rate
  const time =
    left < 90
      ? `${Math.ceil(left)} s`
      : left < 5_400
        ? `${Math.ceil(left / 60)} min`
        : `${(left / 3_600).toFixed(1)} h`
  return `${told}, ${(rate / 1024 ** 2).toFixed(0)} MiB/s, ${time} left`
}

/** Disks up to this size are read once more right before they are written to: it takes seconds. */
const small = 4 * 1024 ** 3

/**
 * Whether a disk that was read is blank still: counts of writes do not tell of another host, nor of what came
 * another way. Of a large disk only its two ends are read, where everything that uses a disk writes first.
 */
export async function isStillBlank({ $ }: CheckHost, disk: string, size: number): Promise<boolean> {
  const end = 64 * 1024 ** 2
  const parts =
    size <= small
      ? [[0, size]]
      : [
          [0, end],
          [size - end, end],
        ]
  const results = await Promise.all(
    parts.map(([from = 0, bytes = 0]) =>
      $`dd if=${disk} bs=1M iflag=direct,skip_bytes,count_bytes,fullblock skip=${from} count=${bytes} 2>/dev/null | cmp -s -n ${bytes} - /dev/zero`
        .within(600_000)
        .nothrow(),
    ),
  )
  return results.every(({ exitCode }) => exitCode === 0)
}
