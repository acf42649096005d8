import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  chmodSync,
  chownSync,
  lchownSync,
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { expect, test } from 'vitest'
import type { Task } from '../../lib/index.ts'
import { absent, block, directory, file, line, link } from '../../lib/resources/index.ts'
import { random } from '../engine/model.ts'
import { here, me } from './host.ts'

/** CI takes 500; each seed is one tree, always the same. */
const trees = Number(process.env.TANDEM_TEST_TREES ?? 100)
/** Trees of one test: each is made, looked at, changed and looked at again in a second or two. */
const batch = 50

type Next = () => number
const pick = <T>(next: Next, from: readonly T[]): T => from[Math.floor(next() * from.length)] as T

const names = [
  'a',
  'b c',
  "it's",
  '-n',
  'ünï',
  'x.conf',
  '.hidden',
  '$HOME',
  'back\\slash',
  'e"f',
  '*',
]
const texts = [
  '',
  'one\n',
  'one\ntwo\nthree\n',
  'a\r\nb\r\n',
  '\ufeffone\n',
  'no end',
  'x=1\nx=2\n',
  '# BEGIN t\nold\n# END t\n',
  '# BEGIN t\n',
  '\ufffd\n',
]
const modes = [0o644, 0o600, 0o755, 0o4755, 0o2644, 0o000, 0o666]
const users = me.owner === '0' ? [0, 0, 0, 4242] : [Number(me.owner)]

/** A random tree: files of several sizes, folders, links of all kinds, pipes, devices; every path of it. */
function grow(root: string, next: Next): string[] {
  const folders = [root]
  const paths: string[] = []
  const count = 4 + Math.floor(next() * 12)
  for (let n = 0; n < count; n++) {
    const path = join(pick(next, folders), pick(next, names))
    if (paths.includes(path)) continue
    const what = next()
    const user = pick(next, users)
    if (what < 0.45) {
      const bytes =
        next() < 0.1
          ? Buffer.from([0xff, 0xfe, 0, 10])
          : next() < 0.1
            ? 'y'.repeat(70_000)
            : pick(next, texts)
      writeFileSync(path, bytes)
      chownSync(path, user, user)
      chmodSync(path, pick(next, modes))
    } else if (what < 0.65) {
      mkdirSync(path)
      chmodSync(path, pick(next, [0o755, 0o700, 0o2775, 0o1777]))
      if (folders.length < 4) folders.push(path)
    } else if (what < 0.85) {
      symlinkSync(pick(next, ['a', '../a', 'nowhere', '.', '/dev/null', ...paths]), path)
      lchownSync(path, user, user)
    } else if (what < 0.92 && paths.some((one) => lstatSync(one).isFile())) {
      linkSync(
        pick(
          next,
          paths.filter((one) => lstatSync(one).isFile()),
        ),
        path,
      )
    } else if (me.owner === '0') {
      execFileSync('mknod', ['--', path, ...pick(next, [['p'], ['c', '1', '3']])])
    } else continue
    paths.push(path)
  }
  return paths
}

interface Named {
  readonly path: string
  /** Where it leads. */
  readonly real: string
  readonly task: Task
}

/** Random tasks, each with a path that no other one has, is below or leads to. */
function list(root: string, paths: readonly string[], next: Next): Named[] {
  const all = realPaths([...paths, ...fresh(root)])
  const realOf = (path: string) => all.get(path) as string
  const made: Named[] = []
  for (const path of [...paths, ...fresh(root)]) {
    if (next() < 0.4) continue
    const real = realOf(path)
    const near = (one: string) =>
      [path, real].some(
        (other) => one === other || one.startsWith(`${other}/`) || other.startsWith(`${one}/`),
      )
    if (made.some((other) => near(other.path) || near(other.real))) continue
    const own = { owner: String(pick(next, users)), group: me.group, mode: pick(next, modes) }
    const task = pick(next, [
      () => file(path, pick(next, texts), own),
      () => file(path, Buffer.from([0, 1, 255]), own),
      () =>
        line(path, {
          line: pick(next, ['one', 'x=1', 'new']),
          ...(next() < 0.3 && { create: { mode: 0o640 } }),
        }),
      () => line(path, { line: 'x=3', match: /^x=/ }),
      () => line(path, { line: 'two', absent: true }),
      () => block(path, { name: 't', lines: ['n'], ...(next() < 0.3 && { absent: true }) }),
      () => directory(path, { ...own, mode: pick(next, [0o755, 0o2750]) }),
      () => link(path, pick(next, ['a', '/dev/null', 'some where'])),
      () => absent(path),
    ])()
    made.push({ path, real, task })
  }
  return made
}

const fresh = (root: string) => ['new', 'new file', 'none/below'].map((name) => join(root, name))

/** Where each path leads, whatever of it is there: one process for all of them. */
function realPaths(paths: readonly string[]): Map<string, string> {
  const found = execFileSync('readlink', ['-z', '-m', '--', ...paths], { encoding: 'utf8' })
  return new Map(found.split('\0').map((real, place) => [paths[place] ?? '', real]))
}

/** All that there is below a folder, and what is known of each. */
function picture(folder: string, found = new Map<string, string>()): Map<string, string> {
  for (const name of readdirSync(folder)) {
    const path = join(folder, name)
    const at = lstatSync(path)
    const what = at.isFile()
      ? createHash('sha256').update(readFileSync(path)).digest('hex')
      : at.isSymbolicLink()
        ? readlinkSync(path)
        : `${at.rdev}`
    // The number of names is told by those that have them; a folder's times change with what is in it.
    const time = at.isFile() ? at.mtimeMs : 0
    found.set(path, [at.mode.toString(8), at.uid, at.gid, what, time].join(' '))
    if (at.isDirectory()) picture(path, found)
  }
  return found
}

type Said = { summary: string } | { error: string } | undefined

async function asked(task: Task): Promise<Said> {
  try {
    const found = await task.check(here())
    return found && { summary: found.summary }
  } catch (error) {
    return { error: (error as Error).message }
  }
}

/** How many other names a file has depends on what the tasks before have replaced. */
const withoutNames = (said: Said): Said =>
  said && 'summary' in said ? { summary: said.summary.replace(/; its .*/, '') } : said

async function tree(seed: number): Promise<{ changed: number; refused: number }> {
  const next = random(seed)
  const root = mkdtempSync(join(tmpdir(), 'tandem-tree-'))
  try {
    const paths = grow(root, next)
    const tasks = list(root, paths, next)
    const host = here()
    const before = picture(root)
    // What a check-only run says, and that it changes nothing.
    const told: Said[] = []
    for (const { task } of tasks) told.push(await asked(task))
    const where = `seed ${seed}`
    expect(picture(root), where).toEqual(before)

    const mayChange = new Set<string>()
    for (const [place, { path, real, task }] of tasks.entries()) {
      const said = told[place]
      const now = await task.check(host).then(
        (found) => found,
        (error: Error) => error,
      )
      const again = now instanceof Error ? { error: now.message } : now && { summary: now.summary }
      expect(withoutNames(again), `${where} ${task.title}`).toEqual(withoutNames(said))
      if (now === undefined || now instanceof Error) continue
      mayChange.add(path).add(real)
      const error = await task.apply(host, now).then(
        () => undefined,
        (reason: Error) => reason,
      )
      if (error) {
        // What cannot be written, such as a file in a folder that is not there, is left as it was.
        expect(error.message, `${where} ${task.title}`).toMatch(
          /cannot write|No such file|Not a directory/,
        )
        mayChange.delete(path)
        mayChange.delete(real)
        continue
      }
      expect(await asked(task), `${where} ${task.title}`).toBeUndefined()
    }

    const after = picture(root)
    const isNamed = (path: string) => mayChange.has(path)
    for (const path of new Set([...before.keys(), ...after.keys()])) {
      if (
        isNamed(path) ||
        [...mayChange].some((named) => path === dirname(named) && !before.has(path))
      )
        continue
      expect(after.get(path), `${where} ${path}`).toBe(before.get(path))
    }
    return {
      changed: told.filter((said) => said && 'summary' in said).length,
      refused: told.filter((said) => said && 'error' in said).length,
    }
  } finally {
    rmSync(root, { recursive: true, force: true })
  }
}

test.each(Array.from({ length: trees / batch }, (_, part) => part * batch + 1))(
  'of random trees from seed %i on, tasks change what they name and nothing else, and the second time nothing',
  { timeout: 300_000 },
  async (first) => {
    let [changed, refused] = [0, 0]
    for (let seed = first; seed < first + batch; seed++) {
      const ended = await tree(seed)
      changed += ended.changed
      refused += ended.refused
    }
    // The trees are such that both are put to the test.
    expect(changed).toBeGreaterThan(batch)
    expect(refused).toBeGreaterThan(batch / 2)
  },
)
