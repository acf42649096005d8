import { join } from 'node:path'
import type { Site } from '../../inventory/schema.ts'
import { type CheckHost, type Host, Refusal, renderFile } from '../../lib/index.ts'
import { sizeText } from '../drbd/guard.ts'

const render = (name: string, data: object) =>
  renderFile(join(import.meta.dirname, 'templates', `${name}.hbs`), data)

/** Where a victim keeps what it gave up, and a survivor its list of files for the time of a run. */
export const savedFolder = '/var/lib/tandem/split-brain'
const listing = `${savedFolder}/survivor`

/** The folder of a run that was killed before all was saved, else a new one, named after this moment. */
export async function unfinished({ $ }: CheckHost): Promise<string> {
  const { stdout } = await $`for folder in ${savedFolder}/*T*Z; do
    [ ! -d "$folder" ] || [ -e "$folder/complete" ] || [ ! -e "$folder/files" ] || echo "$folder"
  done`
  const [, last] = /(\S+)\s*$/.exec(stdout) ?? []
  return last ?? `${savedFolder}/${new Date().toISOString().replace(/[:.]\d*/g, '')}`
}

/** Folders of the share that belong to the service, not to its users. */
const state = ['.nfsdcld', '.statd', '.tandem']
const place = '/run/tandem/victim'

/** What was saved. */
export interface Saved {
  /** Paths that the survivor has not, or not so. */
  readonly differing: number
  readonly saved: number
  /** Paths that the survivor has under another name. */
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

/** Refuses where a folder's filesystem has not so many bytes free. */
async function room(host: Host, folder: string, bytes: number, what: string): Promise<void> {
  const script = render('space', { folder, bytes })
  const { stdout, exitCode } = await host.sh({ nothrow: true })`eval ${script}`
  if (exitCode === 0) return
  throw new Refusal(
    `${host.name}: ${what} need ${sizeText(bytes)} in ${folder}, and ${sizeText(Number(stdout.trim()))} are free: make room there, or mount a larger filesystem`,
  )
}

/** A list and what sorting it takes, for so many names; seen: 120 bytes a name and as much again. */
const listBytes = (names: number) => names * 400 + 64 * 1024 ** 2

async function namesBelow({ $ }: CheckHost, path: string): Promise<number> {
  const { stdout } = await $`df -Pi ${path} | tail -n 1`
  return Number(stdout.trim().split(/\s+/)[2])
}

/** Lists every path of the survivor into a file there. */
export async function listSurvivor(host: Host, { nfs }: Site): Promise<void> {
  const names = await namesBelow(host, nfs.path)
  await room(host, listing, listBytes(names), `lists of ${names} files`)
  host.progress(`lists ${names} files`)
  // The service goes on: what vanishes meanwhile is missing, and so is saved on the victim.
  const list = render('list', {
    path: nfs.path,
    folder: listing,
    name: 'list',
    state,
    whole: false,
  })
  await host.sh`eval ${list}; gzip -1 -f ${listing}/list`
}

const pieceBytes = 4 * 1024 ** 2

/** Brings the survivor's list to the victim, a piece at a time; a run that was cut off goes on where it ended. */
async function fetchList(victim: Host, survivor: string, folder: string): Promise<void> {
  const peer = victim.peer(survivor)
  const from = `${listing}/list.gz`
  const to = `${folder}/survivor.gz`
  const sum = (await peer.$`sha256sum <${from}`.within(3_600_000)).stdout.trim()
  const size = Number((await peer.$`stat -c %s ${from}`).stdout)
  await room(victim, folder, size, "the survivor's list")
  await victim.sh`mkdir -p -m 0700 ${folder}; rm -f ${to}; : >${to}`
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
  if (got !== sum) throw new Error(`the list of ${survivor} did not arrive whole (${got}, ${sum})`)
}

/**
 * Copies what only the victim has into `folder` there, with a list that says for each path what the survivor
 * has instead. No clock decides, and not a byte of the victim's disk changes.
 */
export async function saveFiles(
  victim: Host,
  survivor: string,
  { drbd }: Site,
  folder: string,
): Promise<Saved> {
  const vars = { folder, place, state, survivor, disk: drbd.disk, filesystem: drbd.filesystem }
  const run = async (name: string, more: object = {}) =>
    (await victim.sh`eval ${render(name, { ...vars, ...more })}`).stdout
  // What a killed run left.
  await run('unmount')
  await fetchList(victim, survivor, folder)
  await victim.sh`gzip -df ${folder}/survivor.gz`
  try {
    await run('mount')
    const names = await namesBelow(victim, place)
    await room(victim, folder, listBytes(names), `lists of ${names} files`)
    victim.progress(`lists ${names} files`)
    await run('list', { path: place, name: 'victim', whole: true })
    victim.progress(`compares with ${survivor}`)
    const { bytes, ...compared } = parseCompared(await run('compare'))
    const what = `copies of what only ${victim.name} has`
    await room(victim, folder, bytes + 64 * 1024 ** 2, what)
    victim.progress(`copies ${compared.differing} files, ${sizeText(bytes)}`)
    const [saved = 0] = numbers(await run('save'), /^saved (\d+)$/)
    return { ...compared, saved }
  } finally {
    await run('unmount')
  }
}
