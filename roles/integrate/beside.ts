import type { Site } from '../../inventory/schema.ts'
import { type CheckHost, Refusal } from '../../lib/index.ts'

/** What the kernel says of everything that could keep the share from being let go. */
export interface Beside {
  /** `/proc/self/mountinfo` of all processes; a mount comes after the one that it is mounted on. */
  readonly mounts: string
  /** `/proc/swaps`. */
  readonly swaps: string
  /** A loop device and the file behind it, with a blank between, a line each. */
  readonly loops: string
}

/** Linux's number for block devices of DRBD. */
const drbdMajor = 147

const plain = (text: string) =>
  text.replaceAll(/\\([0-7]{3})/g, (_, octal: string) =>
    String.fromCharCode(Number.parseInt(octal, 8)),
  )

/** A sentence for each thing beside the service that uses the share, and that a move would have to kill. */
export function besideProblems({ mounts, swaps, loops }: Beside, minor: number, path: string) {
  const within = (place: string) => place.startsWith(`${path}/`)
  const inside = new Set<string>()
  const found = mounts.split('\n').flatMap((line) => {
    const [id = '', parent = '', number, , place = ''] = line.split(' ')
    const where = plain(place)
    const shared = number === `${drbdMajor}:${minor}`
    if (!shared && !inside.has(parent)) return []
    inside.add(id)
    if (where === path) return []
    return shared
      ? [`the share is also mounted on ${where}`]
      : [`another filesystem is mounted on ${where}, inside the share`]
  })
  const files = (text: string, what: string, column: number) =>
    text.split('\n').flatMap((line) => {
      const words = line.trim().split(/\s+/)
      const file = plain(words[column] ?? '')
      return within(file) ? [`${what} uses ${file}`] : []
    })
  return [...new Set([...found, ...files(swaps, 'swap', 0), ...files(loops, 'a loop device', 1)])]
}

/** Asks a host for what uses the share beside the service; nothing where it is not mounted there. */
export async function beside({ $ }: CheckHost, { drbd, nfs }: Site): Promise<string[]> {
  const [mounts, swaps, loops] = await Promise.all([
    $`cat /proc/[0-9]*/mountinfo 2>/dev/null | awk '!seen[$0]++'; true`,
    $`cat /proc/swaps`,
    $`for one in /sys/block/loop*/loop/backing_file; do if [ -e $one ]; then echo "$one $(cat $one)"; fi; done; true`,
  ])
  if (!mounts.stdout.includes(` ${nfs.path} `)) return []
  return besideProblems(
    { mounts: mounts.stdout, swaps: swaps.stdout, loops: loops.stdout },
    drbd.minor,
    nfs.path,
  )
}

/** Refuses while something beside the service uses the share: a move would kill it, or end in a reboot. */
export async function guardAlone(host: CheckHost, site: Site): Promise<void> {
  const wrong = await beside(host, site)
  if (wrong.length === 0) return
  throw new Refusal(
    `${host.name}: the service does not move while something else uses the share: ${wrong.join('; ')}: unmount or stop that first`,
  )
}
