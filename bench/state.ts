import { createHash } from 'node:crypto'
import { type Dirent, lstatSync, readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { join } from 'node:path'

/** What differs from the base tree: a path and, in words, what lies there. */
export type EndState = ReadonlyMap<string, string>

/** Traces of the way to the end state, no part of it. /run is not seen at all: it is a tmpfs. */
const traces = [
  /^\/(var\/)?tmp\//,
  // Who logged in on a terminal, as Ansible without pipelining does.
  /^\/var\/log\/(lastlog|wtmp|btmp)$/,
  /^\/root\/\.(ansible|cache)(\/|$)/,
  /^\/var\/cache\//,
  /^\/var\/lib\/apt\//,
  /\/__pycache__(\/|$)/,
]

/** Everything in which a host differs from the base: kind, mode, owner and content of each path. */
export function endState(upper: string, base: string): EndState {
  const found = new Map<string, string>()
  const visit = (folder: string) => {
    let entries: Dirent[]
    try {
      entries = readdirSync(join(upper, folder), { withFileTypes: true })
    } catch {
      return
    }
    for (const entry of entries) {
      const path = `${folder}/${entry.name}`
      if (traces.some((trace) => trace.test(path))) continue
      const now = describe(join(upper, path))
      // An overlay copies what is merely touched, so what is as it was counts as untouched.
      if (now !== describe(join(base, path))) found.set(path, now)
      if (entry.isDirectory()) visit(path)
    }
  }
  visit('')
  return new Map([...found].sort(([a], [b]) => (a < b ? -1 : 1)))
}

const permissionBits = 0o7777

function describe(path: string): string {
  const stat = lstatSync(path, { throwIfNoEntry: false })
  // An overlay notes a removed path as a character device 0/0.
  if (!stat || (stat.isCharacterDevice() && stat.rdev === 0)) return 'nothing'
  const owner = `${stat.uid}:${stat.gid}`
  if (stat.isSymbolicLink()) return `link ${owner} ${readlinkSync(path)}`
  const mode = (stat.mode & permissionBits).toString(8)
  if (stat.isDirectory()) return `directory ${mode} ${owner}`
  if (!stat.isFile()) return `other ${mode} ${owner}`
  return `file ${mode} ${owner} ${createHash('sha256').update(readFileSync(path)).digest('hex')}`
}

/** One hash for a whole end state. */
export function hashOf(state: EndState): string {
  return createHash('sha256')
    .update(JSON.stringify([...state]))
    .digest('hex')
}

/** The paths in which two end states differ, with what each has there; empty where they are equal. */
export function differences(one: EndState, other: EndState): string[] {
  if (hashOf(one) === hashOf(other)) return []
  const paths = [...new Set([...one.keys(), ...other.keys()])].sort()
  return paths
    .filter((path) => one.get(path) !== other.get(path))
    .map((path) => `${path}: ${one.get(path) ?? 'as before'} / ${other.get(path) ?? 'as before'}`)
}
