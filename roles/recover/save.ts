import { join } from 'node:path'
import type { Site } from '../../inventory/schema.ts'
import { type CheckHost, type Host, Refusal, renderFile } from '../../lib/index.ts'
import { comparedPath, parseCompared as parseComparison } from '../drbd/compare.ts'
import { sizeText } from '../drbd/guard.ts'

const render = (name: string, data: object) =>
  renderFile(join(import.meta.dirname, 'templates', `${name}.hbs`), data)

/** Where a victim keeps what it gave up: a folder for each time. */
export const savedFolder = '/var/lib/tandem/split-brain'
/** Lists and copies of a run; emptied when one begins and when it ends, so no two runs ever mix. */
const work = `${savedFolder}/work`

/** What is used of a site: where the survivor's files are mounted, and the victim's disk. */
export interface Sides {
  readonly nfs: Pick<Site['nfs'], 'path'>
  readonly drbd: Pick<Site['drbd'], 'disk' | 'stateDisk' | 'filesystem'>
}

/** Folders of the share that belong to the service, not to its users; none where that has a disk of its own. */
const stateOf = ({ stateDisk }: Sides['drbd']) =>
  stateDisk === undefined ? ['.nfsdcld', '.statd', '.tandem'] : []
const place = '/run/tandem/victim'
const node = '/dev/tandem-victim-disk'

/** What was saved. */
export interface Saved {
  /** Paths that the survivor does not have, or has with other content. */
  readonly differing: number
  readonly saved: number
  /** Paths whose file the survivor has under another name. */
  readonly moved: number
  /** Paths that only the survivor has. */
  readonly theirs: number
}

const numbers = (text: string, pattern: RegExp): number[] => {
  const found = pattern.exec(text.trim())
  if (!found) throw new Error(`saving the victim's files: expected counts, got \`${text.trim()}\``)
  return found.slice(1).map(Number)
}

/** What differs, before it is copied. */
export type Compared = Omit<Saved, 'saved'> & { readonly bytes: number }

/** Reads `differ 3 bytes 12288 moved 0 theirs 1`. */
export function parseCompared(text: string): Compared {
  const pattern = /^differ (\d+) bytes (\d+) moved (\d+) theirs (\d+)$/
  const [differing = 0, bytes = 0, moved = 0, theirs = 0] = numbers(text, pattern)
  return { differing, bytes, moved, theirs }
}

/**
 * How a script of this role is run: every part of a pipe counts, clients come first, and it ends when the connection that
 * asked for it is gone, for the next run would have to wait for hours.
 */
export const shellOf = (script: string): string => `set -euo pipefail
export LC_ALL=C
renice -n 19 $$ >/dev/null
ionice -c 3 -p $$ 2>/dev/null || :
${whileAsked}
${script}`

/** Watches the process above this script that carries the SSH connection; a script that was started by hand has none. */
const whileAsked = render('while-asked', {})

/** Runs one of this role's scripts; an interrupt ends it, for it may take hours. */
async function run(host: Host, name: string, data: object): Promise<string> {
  const running = host.sh`bash -c ${shellOf(render(name, data))}`
  const stop = () => void running.kill('SIGTERM')
  host.signal.addEventListener('abort', stop)
  try {
    return (await running).stdout
  } finally {
    host.signal.removeEventListener('abort', stop)
  }
}

/** Refuses where the filesystem for saved files has fewer bytes free. */
async function room(host: Host, bytes: number, what: string): Promise<void> {
  const script = shellOf(render('space', { folder: savedFolder, bytes }))
  const { stdout, stderr, exitCode } = await host.sh({ nothrow: true })`bash -c ${script}`
  if (exitCode === 0) return
  if (exitCode !== 9) throw new Error(`${host.name}: ${stderr.trim()}`)
  throw new Refusal(
    `${host.name}: expected ${sizeText(bytes)} free in ${savedFolder} for ${what}, got ${sizeText(Number(stdout.trim()))}: make room there, or mount a larger filesystem with ACLs and extended attributes at ${savedFolder}`,
  )
}

const spare = 64 * 1024 ** 2

/** What a list of so many names takes while it is sorted: twice its lines, of names of 230 bytes. */
const listBytes = (names: number) => names * 600 + spare

async function namesBelow({ $ }: CheckHost, path: string): Promise<number> {
  const { stdout } = await $`df -Pi ${path} | tail -n 1`
  return Number(stdout.trim().split(/\s+/)[2])
}

/** Lists every path of the survivor into a file there. */
export async function listSurvivor(host: Host, { nfs, drbd }: Sides): Promise<void> {
  await run(host, 'clear', { place, work, node, fresh: true })
  const names = await namesBelow(host, nfs.path)
  await room(host, listBytes(names), `lists of ${names} files`)
  host.progress(`lists ${names} files`)
  await run(host, 'list', {
    path: nfs.path,
    work,
    name: 'list',
    state: stateOf(drbd),
    whole: false,
  })
  await host.sh`stat -c %s ${work}/list >${work}/size && gzip -1 -f ${work}/list`
}

const pieceBytes = 4 * 1024 ** 2

/** Brings the survivor's list to the victim, a piece at a time, and makes sure that all of it arrived; gives its size in bytes. */
async function fetchList(victim: Host, survivor: string): Promise<number> {
  const peer = victim.peer(survivor)
  const from = `${work}/list.gz`
  const to = `${work}/survivor.gz`
  const sum = (await peer.$`sha256sum <${from}`.within(3_600_000)).stdout.trim()
  const size = Number((await peer.$`stat -c %s ${from}`).stdout)
  const unpacked = Number((await peer.$`cat ${work}/size`).stdout)
  await room(victim, size + unpacked + spare, "the survivor's list")
  await victim.sh`: >${to}`
  for (let piece = 0; piece * pieceBytes < size; piece++) {
    victim.signal.throwIfAborted()
    const { stdout } =
      await peer.$`dd if=${from} bs=${pieceBytes} skip=${piece} count=1 2>/dev/null | base64 -w 0`.within(
        600_000,
      )
    await victim.sh({ input: stdout })`base64 -d >>${to}`
    victim.progress(
      `has ${sizeText(piece * pieceBytes)} of the list of ${survivor}`,
      (piece * pieceBytes) / size,
    )
  }
  const got = (await victim.$`sha256sum <${to}`.within(3_600_000)).stdout.trim()
  if (got !== sum)
    throw new Error(
      `the list of ${survivor} is damaged: expected the checksum ${sum}, got ${got}; run this again`,
    )
  await victim.sh`gzip -d ${to}`
  return unpacked
}

/**
 * Copies what only the victim has, with a list that says for each path what the survivor has instead, and gives
 * the folder of both. No clock decides, and not a byte of the victim's disk changes.
 */
export async function saveFiles(
  victim: Host,
  survivor: string,
  { drbd }: Sides,
): Promise<Saved & { readonly folder: string }> {
  const vars = {
    work,
    place,
    node,
    state: stateOf(drbd),
    survivor,
    disk: drbd.disk,
    filesystem: drbd.filesystem,
  }
  const step = (name: string, more: object = {}) => run(victim, name, { ...vars, ...more })
  await step('clear', { fresh: true })
  try {
    const listed = await fetchList(victim, survivor)
    await step('mount')
    const names = await namesBelow(victim, place)
    // Twice, for it is sorted; what is written to after a split is about as large as what was there.
    await room(victim, Math.max(listed * 2, names * 200) + spare, `lists of ${names} files`)
    victim.progress(`lists ${names} files`)
    await step('list', { path: place, name: 'victim', whole: true })
    victim.progress(`compares with ${survivor}`)
    const doubt = render('doubt', { since: await beforeSplit(victim, survivor) })
    const weight = Number((await step('weigh', { doubt })).trim())
    await room(victim, weight + spare, `lists of what differs from ${survivor}`)
    const { bytes, ...compared } = parseCompared(await step('compare', { doubt }))
    await room(victim, bytes + spare, `copies of what only ${victim.name} has`)
    victim.progress(`copies ${compared.differing} files, ${sizeText(bytes)}`)
    const [saved = 0] = numbers(await step('save'), /^saved (\d+)$/)
    const folder = `${savedFolder}/${new Date().toISOString().replaceAll(':', '')}`
    await step('keep', { folder })
    return { ...compared, saved, folder }
  } finally {
    // After an interrupt too: nothing of a run is left behind.
    await victim.sh`bash -c ${shellOf(render('clear', { ...vars, fresh: false }))}`
  }
}

/**
 * A moment before the two disks parted, in seconds since the epoch: ten minutes before the older of what both nodes
 * noted when they had the same data last. 0 where one of them noted nothing, or where a comparison has found blocks that
 * differ: then everything is in doubt.
 */
async function beforeSplit(victim: Host, survivor: string): Promise<number> {
  const nodes = [victim, victim.peer(survivor)]
  const read = async (path: string) =>
    (await Promise.all(nodes.map(({ $ }) => $`cat ${path}`.nothrow()))).map(({ stdout }) => stdout)
  const [together, compared] = await Promise.all([
    read('/var/lib/tandem/together'),
    read(comparedPath),
  ])
  if (compared.some((note) => (parseComparison(note)?.differ ?? 0) > 0)) return 0
  const times = together.map((note) => Number(/^(\d+) /.exec(note)?.[1] ?? 0))
  return Math.max(0, Math.min(...times) - 600)
}

/** Whether a run has left its list on the survivor. */
export async function hasLeft({ $ }: CheckHost): Promise<boolean> {
  return (await $`test -d ${work}`.nothrow()).exitCode === 0
}

/** Takes away the survivor's list. */
export async function forgetList(host: Host): Promise<void> {
  await run(host, 'clear', { place, work, node, fresh: false })
}
