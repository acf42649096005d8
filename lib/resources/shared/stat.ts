import { randomBytes } from 'node:crypto'
import { type Batch, inBatch, unclear } from '../../core/batch.ts'
import type { CheckHost, Output, WriteOptions } from '../../core/task.ts'
import { parseSums } from './sums.ts'
import { octal } from './validate.ts'

/** What lies at a path, itself, not what a link points to. */
export interface Found {
  readonly kind: 'file' | 'directory' | 'link' | 'other'
  readonly mode: number
  /** The owner's name, or number where it has none; `group` likewise. */
  readonly owner: string
  readonly group: string
  readonly uid: string
  readonly gid: string
  readonly size: number
  /** How many names it has: hard links, and for a directory something else. */
  readonly links: number
}

/** Owner, group and permission bits as a role wants them. */
export type Ownership = Required<WriteOptions>

/** The arguments for `stat -c` that `parseStat` reads. */
export const statFormat = '%f %U %G %u %g %s %h'

const kinds: Record<number, Found['kind']> = { 4: 'directory', 8: 'file', 10: 'link' }

/** Reads one line written with `statFormat`; throws where it is anything else. */
export function parseStat(line: string, path: string): Found {
  const match = /^([0-9a-f]+) (\S+) (\S+) (\d+) (\d+) (\d+) (\d+)$/.exec(line)
  if (!match) throw new Error(`Expected what stat says of ${path}, got ${JSON.stringify(line)}`)
  const [, hex = '', user = '', team = '', uid = '', gid = '', size = '', links = ''] = match
  const raw = Number.parseInt(hex, 16)
  return {
    kind: kinds[raw >> 12] ?? 'other',
    mode: raw & 0o7777,
    owner: user === 'UNKNOWN' ? uid : user,
    group: team === 'UNKNOWN' ? gid : team,
    uid,
    gid,
    size: Number(size),
    links: Number(links),
  }
}

/** Reads one line written with `statFormat` and ` %n`, the name. */
export function parseStatNamed(line: string): { found: Found; path: string } {
  const [, stat = line, path = ''] = /^((?:\S+ ){6}\d+) (.*)$/.exec(line) ?? []
  return { found: parseStat(stat, path), path }
}

/**
 * Splits the answer to a script that starts with `stat`: what was found and the rest of the text,
 * or undefined where nothing is there. Any other failure (no permission, a parent that is a file)
 * throws: a path that cannot be looked at is not the same as a path that is not there.
 */
export function readStat(answer: Output, path: string): { found: Found; rest: string } | undefined {
  const end = answer.stdout.indexOf('\n')
  if (end === -1) {
    if (/: No such file or directory\s*$/.test(answer.stderr)) return undefined
    const reason = answer.stderr.trim() || `exit code ${answer.exitCode} without a message`
    throw new Error(`Cannot look at ${path}: ${reason}`)
  }
  if (answer.exitCode !== 0) {
    const reason = answer.stderr.trim() || `exit code ${answer.exitCode}`
    throw new Error(`Cannot read ${path}: ${reason}`)
  }
  return { found: parseStat(answer.stdout.slice(0, end), path), rest: answer.stdout.slice(end + 1) }
}

/** What lies at a path, a link with its target, a regular file with its sum where that was asked. */
export interface Looked extends Found {
  readonly target?: string
  /** SHA-256 in hexadecimal digits. */
  readonly sum?: string
}

interface LookAt {
  readonly path: string
  readonly sum: boolean
}

/** What lies at `path`; a link also with its target. */
export function look(host: CheckHost, path: string): Promise<Looked | undefined> {
  return inBatch(host, looks, { path, sum: false })
}

/** What lies at `path`; a regular file also with its sum. */
export function lookWithSum(host: CheckHost, path: string): Promise<Looked | undefined> {
  return inBatch(host, looks, { path, sum: true })
}

const looks: Batch<LookAt, Looked | undefined> = { alone: lookAlone, all: lookAtAll }

async function lookAlone(host: CheckHost, { path, sum }: LookAt): Promise<Looked | undefined> {
  // A pipe at the path would block sha256sum for ever, so only plain files are hashed. `exec` at
  // the end of a script saves a process on the host.
  const answer = await host.$`
if [ -h ${path} ]; then stat -c ${statFormat} -- ${path} && exec readlink -- ${path}; exit; fi
[ ${sum ? 'sum' : ''} ] && [ -f ${path} ] || exec stat -c ${statFormat} -- ${path}
stat -c ${statFormat} -- ${path} && exec sha256sum < ${path}`.nothrow()
  const read = readStat(answer, path)
  if (!read) return undefined
  const { found, rest } = read
  if (found.kind === 'link') return { ...found, target: rest.replace(/\n$/, '') }
  if (found.kind !== 'file' || !sum) return found
  const hex = /^[0-9a-f]{64}/.exec(rest)?.[0]
  if (!hex) throw new Error(`Expected a SHA-256 sum of ${path}, got ${JSON.stringify(rest)}`)
  return { ...found, sum: hex }
}

/** One `stat` and one `sha256sum` for all. */
async function lookAtAll(
  host: CheckHost,
  questions: readonly LookAt[],
): Promise<(Looked | undefined | typeof unclear)[]> {
  const paths = [...new Set(questions.map(({ path }) => path))]
  const summed = [...new Set(questions.filter(({ sum }) => sum).map(({ path }) => path))]
  // A link's target may be any text, so nobody can know what stands between two of them.
  const mark = `=== ${randomBytes(8).toString('hex')}`
  const answer = await host.$`
set -- ${paths}
stat -c ${`${statFormat} %n`} -- "$@"
for p do if [ -h "$p" ]; then echo ${mark}; readlink -- "$p"; fi; done
echo ${mark}
set --
for p in ${summed}; do if [ -f "$p" ] && [ ! -h "$p" ]; then set -- "$@" "$p"; fi; done
[ $# = 0 ] || exec sha256sum -- "$@"`.nothrow()
  const [stats = '', ...parts] = answer.stdout.split(`${mark}\n`)
  const sums = parseSums(parts.pop() ?? '')
  const all = new Map<string, Looked>()
  for (const line of stats.split('\n').filter(Boolean)) {
    const { found, path } = parseStatNamed(line)
    const target = found.kind === 'link' ? parts.shift()?.replace(/\n$/, '') : undefined
    const sum = sums.get(path)
    all.set(path, { ...found, ...(target !== undefined && { target }), ...(sum && { sum }) })
  }
  const complaints = answer.stderr.matchAll(/'([^'\n]*)': No such file or directory$/gm)
  const missing = new Set([...complaints].map(([, path]) => path))
  if (parts.length > 0) throw new Error('Expected one target for each link')
  return questions.map(({ path, sum }) => {
    const found = all.get(path)
    const clear = found
      ? (found.kind !== 'file' || !sum || found.sum !== undefined) &&
        (found.kind !== 'link' || found.target !== undefined)
      : missing.has(path)
    return clear ? found : unclear
  })
}

/** What differs between found and wanted permissions, in words; empty where nothing does. */
export function ownershipDifferences(found: Found, wanted: Ownership): string[] {
  const { mode, owner, group } = wanted
  return [
    found.mode !== mode && `mode ${octal(found.mode)} → ${octal(mode)}`,
    // A role may name an owner by number as well as by name.
    ![found.owner, found.uid].includes(owner) && `owner ${found.owner} → ${owner}`,
    ![found.group, found.gid].includes(group) && `group ${found.group} → ${group}`,
  ].filter((difference) => difference !== false)
}

/** What a replaced file leaves behind, in words: its other names still lead to the old one. */
export function otherNames({ kind, links }: Found): string {
  if (kind !== 'file' || links < 2) return ''
  if (links === 2) return '; its other name (a hard link) stays as it was'
  return `; its ${links - 1} other names (hard links) stay as they were`
}

/** How a message names what was found. */
export function naming(found: Found & { readonly target?: string }): string {
  if (found.kind === 'link') return `a link to ${found.target ?? 'somewhere'}`
  return found.kind === 'other' ? 'neither file, directory nor link' : `a ${found.kind}`
}
