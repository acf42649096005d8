import type { Site } from '../../inventory/schema.ts'
import { type CheckHost, Refusal } from '../../lib/index.ts'
import { stateFolder, volumesOf } from '../shared/volumes.ts'

/** A disk of the service that is mounted on the node that serves. */
export interface Disk {
  /** As sentences call it. */
  readonly what: string
  readonly path: string
  /** `/dev/drbd0` */
  readonly device: string
  readonly minor: number
}

/** What the kernel says of everything that could keep a disk of the service from being let go. */
export interface Beside {
  /** `/proc/self/mountinfo` of the node itself. */
  readonly own: string
  /** That of all processes, each line once, `/proc/PID/mountinfo:` before it; a mount comes after the one that it is mounted on. */
  readonly mounts: string
  /** `/proc/swaps`. */
  readonly swaps: string
  /** A loop device and the file behind it, with a blank between, a line each. */
  readonly loops: string
}

/** A mount, as a line of mountinfo has it. */
interface Mount {
  readonly pid: string | undefined
  readonly id: string
  readonly parent: string
  readonly device: string
  readonly place: string
  /** Its peer group, and the one that it follows: what is unmounted in one of these is unmounted here. */
  readonly shared: string | undefined
  readonly master: string | undefined
}

/** Linux's number for block devices of DRBD. */
const drbdMajor = 147

const plain = (text: string) =>
  text.replaceAll(/\\([0-7]{3})/g, (_, octal: string) =>
    String.fromCharCode(Number.parseInt(octal, 8)),
  )

function parseMounts(text: string): Mount[] {
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      const pid = /^\/proc\/(\d+)\/mountinfo:/.exec(line)
      const [id = '', parent = '', device = '', , place = '', , ...rest] = line
        .slice(pid?.[0].length ?? 0)
        .split(' ')
      const tag = (name: string) =>
        rest
          .slice(0, rest.indexOf('-'))
          .find((word) => word.startsWith(`${name}:`))
          ?.slice(name.length + 1)
      const [shared, master] = [tag('shared'), tag('master')]
      return { pid: pid?.[1], id, parent, device, place: plain(place), shared, master }
    })
}

/** The mounts from which a copy of the node's own mount goes by itself when that is unmounted: its parent follows the node's. */
function following(mounts: readonly Mount[], parent: Mount | undefined): ReadonlySet<string> {
  const groups = new Set(parent?.shared === undefined ? [] : [parent.shared])
  for (let before = -1; before !== groups.size; ) {
    before = groups.size
    for (const { shared, master } of mounts) {
      if (shared !== undefined && master !== undefined && groups.has(master)) groups.add(shared)
    }
  }
  const follows = ({ shared, master }: Mount) =>
    [shared, master].some((group) => group !== undefined && groups.has(group))
  return new Set(mounts.filter(follows).map(({ id }) => id))
}

/** A sentence for each thing beside the service that uses one of its disks, and that a move would have to kill. */
export function besideProblems(
  { own, mounts, swaps, loops }: Beside,
  { device, minor, path, what }: Disk,
): string[] {
  const number = `${drbdMajor}:${minor}`
  const mine = parseMounts(own)
  const all = parseMounts(mounts)
  const ours = mine.find((mount) => mount.device === number && mount.place === path)
  if (!ours) return []
  const node = new Set(mine.map(({ id }) => id))
  const goes = following(
    all,
    mine.find(({ id }) => id === ours.parent),
  )
  const inside = new Set<string>()
  const found = all.flatMap(({ pid, id, parent, device: its, place }) => {
    if (its !== number && !inside.has(parent)) return []
    inside.add(id)
    if (its !== number) return [`another filesystem is mounted on ${place}, inside ${what}`]
    if (place !== path) return [`${what} is also mounted on ${place}`]
    return node.has(id) || goes.has(parent)
      ? []
      : [`process ${pid} has ${what} mounted too, in a mount namespace of its own (a container?)`]
  })
  const files = (text: string, user: string, column: number) =>
    text.split('\n').flatMap((line) => {
      const file = plain(line.trim().split(/\s+/)[column] ?? '')
      return file === device || file.startsWith(`${path}/`) ? [`${user} uses ${file}`] : []
    })
  return [...new Set([...found, ...files(swaps, 'swap', 0), ...files(loops, 'a loop device', 1)])]
}

/** Asks a host for what uses the disks of the service beside it; nothing where they are not mounted there. */
export async function beside(host: CheckHost, { drbd, nfs }: Site): Promise<string[]> {
  const { $ } = host
  const [share, state] = volumesOf(drbd)
  const disks: Disk[] = [
    { ...share, what: 'the share', path: nfs.path },
    ...(state ? [{ ...state, what: 'the state of the service', path: stateFolder }] : []),
  ]
  const [own, mounts, swaps, loops, ...open] = await Promise.all([
    $`cat /proc/self/mountinfo`,
    $`grep -sH '' /proc/[0-9]*/mountinfo | awk '{ line = $0; sub(/^[^:]*:/, "", line); if (!seen[line]++) print }'; true`,
    $`cat /proc/swaps`,
    $`for one in /sys/block/loop*/loop/backing_file; do if [ -e $one ]; then echo "$one $(cat $one)"; fi; done; true`,
    ...disks.map(({ device }) => users(host, [device])),
  ])
  const text = { own: own.stdout, mounts: mounts.stdout, swaps: swaps.stdout, loops: loops.stdout }
  return disks.flatMap((disk, place) => [
    ...besideProblems(text, disk),
    ...(open[place] ?? []).map((user) => `${user} has ${disk.device} open`),
  ])
}

/**
 * The processes that use a file, or with `-m` a filesystem, and still do two seconds later: a look at a file is over by then.
 * What belongs to the service is left out.
 */
async function users({ $ }: CheckHost, words: readonly string[]): Promise<string[]> {
  const { stdout } = await $`look() { fuser ${words} 2>/dev/null; }
    first=$(look)
    [ -z "$first" ] || sleep 2
    [ -z "$first" ] || again=" $(look) "
    for pid in $first; do
      case $again in *" $pid "*) ;; *) continue ;; esac
      ! grep -qE '/(heartbeat|tandem-watch)[.]service' /proc/$pid/cgroup 2>/dev/null || continue
      { read -r name </proc/$pid/comm; } 2>/dev/null || continue
      case $name in nfsdcld | rpc.mountd | rpc.statd | sm-notify) ;; *) echo "process $pid ($name)" ;; esac
    done`.nothrow()
  return stdout.split('\n').filter((line) => line !== '')
}

/** Refuses while something beside the service uses the share: a move would kill it, or end in a reboot. */
export async function guardAlone(host: CheckHost, site: Site): Promise<void> {
  const path = site.nfs.path
  const [wrong, holding] = await Promise.all([beside(host, site), users(host, ['-M', '-m', path])])
  const all = [...wrong, ...holding.map((user) => `${user} uses ${path}`)]
  if (all.length === 0) return
  throw new Refusal(
    `${host.name}: the service does not move while something else uses its disks: ${all.join('; ')}: unmount or stop that first`,
  )
}
