import type { CheckHost, Output } from '../task.ts'
import { octal } from './paths.ts'

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
}

/** Owner, group and permission bits as a role wants them. */
export interface Ownership {
  readonly mode: number
  readonly owner: string
  readonly group: string
}

/** The arguments for `stat -c` that `parseStat` reads. */
export const statFormat = '%f %U %G %u %g %s'

const kinds: Record<number, Found['kind']> = { 4: 'directory', 8: 'file', 10: 'link' }

/** Reads one line written with `statFormat`; throws where it is anything else. */
export function parseStat(line: string, path: string): Found {
  const match = /^([0-9a-f]+) (\S+) (\S+) (\d+) (\d+) (\d+)$/.exec(line)
  if (!match) throw new Error(`Expected what stat says of ${path}, got ${JSON.stringify(line)}`)
  const [, hex = '', user = '', team = '', uid = '', gid = '', size = ''] = match
  const raw = Number.parseInt(hex, 16)
  return {
    kind: kinds[raw >> 12] ?? 'other',
    mode: raw & 0o7777,
    owner: user === 'UNKNOWN' ? uid : user,
    group: team === 'UNKNOWN' ? gid : team,
    uid,
    gid,
    size: Number(size),
  }
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

/** What lies at `path`; a link also with its target. */
export async function look(
  host: CheckHost,
  path: string,
): Promise<(Found & { readonly target?: string }) | undefined> {
  // `exec` at the end of a script saves a process on the host.
  const answer = await host.$`
if [ -h ${path} ]; then stat -c ${statFormat} -- ${path} && exec readlink -- ${path}; exit; fi
exec stat -c ${statFormat} -- ${path}`.nothrow()
  const read = readStat(answer, path)
  if (!read) return undefined
  if (read.found.kind !== 'link') return read.found
  return { ...read.found, target: read.rest.replace(/\n$/, '') }
}

/** What differs between found and wanted permissions, in words; empty where nothing does. */
export function ownershipDifferences(found: Found, wanted: Ownership): string[] {
  const differences: string[] = []
  if (found.mode !== wanted.mode) {
    differences.push(`mode ${octal(found.mode)} → ${octal(wanted.mode)}`)
  }
  // A role may name an owner by number as well as by name.
  if (![found.owner, found.uid].includes(wanted.owner)) {
    differences.push(`owner ${found.owner} → ${wanted.owner}`)
  }
  if (![found.group, found.gid].includes(wanted.group)) {
    differences.push(`group ${found.group} → ${wanted.group}`)
  }
  return differences
}

/** How a message names what was found. */
export function naming(found: Found & { readonly target?: string }): string {
  if (found.kind === 'link') return `a link to ${found.target ?? 'somewhere'}`
  return found.kind === 'other' ? 'neither file, directory nor link' : `a ${found.kind}`
}
