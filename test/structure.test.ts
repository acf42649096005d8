import { readdirSync, readFileSync } from 'node:fs'
import { basename, dirname, join, relative, resolve } from 'node:path'
import { describe, expect, it } from 'vitest'

const root = resolve(import.meta.dirname, '..')
/** Room (a folder) to the rooms that it may import from; ARCHITECTURE.md says why. */
const may: Record<string, readonly string[]> = {
  // Of lib/lab the type of its topology alone.
  lib: ['lib/core', 'lib/resources', 'lib/inventory', 'lib/lab'],
  'lib/core': [],
  'lib/ssh': ['lib/core', 'lib/ssh/login'],
  'lib/ssh/login': ['lib/core', 'lib/ssh/mux'],
  // Of lib/ssh/login the type of a channel alone.
  'lib/ssh/mux': ['lib/ssh/login'],
  'lib/platform': ['lib/core'],
  'lib/resources': ['lib/core', 'lib/platform', 'lib/resources/shared'],
  'lib/resources/shared': ['lib/core', 'lib/platform'],
  'lib/inventory': ['lib/core'],
  'lib/engine': ['lib/core', 'lib/ssh', 'lib/inventory'],
  // Of lib/engine the types of its events alone.
  'lib/report': ['lib/core', 'lib/engine', 'lib/report/live'],
  'lib/report/live': ['lib/core', 'lib/engine', 'lib/report'],
  'lib/lab': [
    'lib/core',
    'lib/ssh',
    'lib/lab/identity',
    'lib/lab/image',
    'lib/lab/model',
    'lib/lab/processes',
  ],
  'lib/lab/model': ['lib/core', 'lib/lab/processes'],
  'lib/lab/image': ['lib/core', 'lib/lab/model'],
  'lib/lab/identity': ['lib/lab/model'],
  'lib/lab/processes': ['lib/core', 'lib/ssh', 'lib/lab/model'],
  'lib/drill': ['lib/core', 'lib/drill/ledger', 'lib/drill/machine', 'lib/drill/record'],
  'lib/drill/ledger': ['lib/core', 'lib/ssh', 'lib/drill/record'],
  'lib/drill/machine': ['lib/core', 'lib/ssh'],
  'lib/drill/record': [],
  'lib/drill/report': ['lib/drill/record'],
  'lib/secrets': ['lib/core', 'lib/inventory'],
  'lib/cli': [
    'lib/core',
    'lib/inventory',
    'lib/report',
    ...['common', 'drill', 'lab', 'npm', 'play', 'playbooks', 'secrets'].map(
      (room) => `lib/cli/${room}`,
    ),
  ],
  'lib/cli/common': ['lib/core', 'lib/engine', 'lib/inventory', 'lib/report'],
  'lib/cli/playbooks': ['lib/core', 'lib/engine', 'lib/inventory', 'lib/cli/common'],
  'lib/cli/secrets': ['lib/core', 'lib/inventory', 'lib/secrets', 'lib/cli/common'],
  'lib/cli/lab': [
    ...['lib/core', 'lib/engine', 'lib/inventory', 'lib/lab', 'lib/report'],
    ...['lib/secrets', 'lib/cli/common', 'lib/cli/playbooks'],
  ],
  'lib/cli/play': [
    ...['lib/core', 'lib/engine', 'lib/inventory', 'lib/report'],
    ...['lib/secrets', 'lib/cli/common', 'lib/cli/lab', 'lib/cli/playbooks'],
  ],
  'lib/cli/drill': [
    ...['lib/core', 'lib/engine', 'lib/inventory', 'lib/report', 'lib/ssh'],
    ...['lib/drill', 'lib/drill/machine', 'lib/drill/record', 'lib/drill/report'],
    ...['lib/cli/common', 'lib/cli/lab', 'lib/cli/play', 'lib/cli/playbooks'],
  ],
  'lib/cli/npm': ['lib/core', 'lib/inventory', 'lib/cli/common', 'lib/cli/drill'],
  // The command line itself it loads by path: a bundle of it, or its source.
  'lib/launch': [],
  inventory: ['lib'],
  roles: ['lib', 'inventory'],
  playbooks: ['lib', 'roles'],
  'playbooks/drills': ['lib/drill', 'roles', 'playbooks/drills/controls', 'playbooks/drills/pair'],
  'playbooks/drills/controls': ['lib/drill', 'playbooks/drills', 'playbooks/drills/pair'],
  'playbooks/drills/pair': ['lib/drill', 'inventory', 'roles'],
}

/** The resource knows the types of filesystems. */
const mountsOfNfs = ['lib/resources/shared/mount-table.ts', 'lib/resources/mount.ts']

function sources(folder: string, named = /\.(ts|[cm]js)$/): string[] {
  return readdirSync(join(root, folder), { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile() && named.test(entry.name))
    .map((entry) => relative(root, join(entry.parentPath, entry.name)))
}

const files = ['lib', 'roles', 'playbooks', 'inventory'].flatMap((folder) => sources(folder))

/** Files of this repository that a file imports, statically or not, types included. */
function imports(file: string, which: 'all' | 'not the types' = 'all'): string[] {
  const text = readFileSync(join(root, file), 'utf8')
  const found = text.matchAll(
    /(?:\b(?:import|export) (type)\s[^'"]*?\bfrom|\bfrom|\bimport\s*\(?|\brequire\s*\()\s*['"](\.[^'"]+)['"]/g,
  )
  return [...found]
    .filter(([, type]) => which === 'all' || type === undefined)
    .map(([, , path]) => relative(root, resolve(root, dirname(file), path ?? '')))
}

function grouped(all: readonly string[], by: (one: string) => string): Map<string, string[]> {
  const groups = new Map<string, string[]>()
  for (const one of all) groups.set(by(one), [...(groups.get(by(one)) ?? []), one])
  return groups
}

const room = (file: string) => (file.startsWith('roles/') ? 'roles' : dirname(file))

/** Every import of another room, as the test's table has rooms. */
const between = files.flatMap((file) =>
  imports(file)
    .filter((other) => room(other) !== room(file))
    .map((other) => ({ file, other, from: room(file), to: room(other) })),
)

/** The first way from a place back to it, by what each place leads to. */
function cycles(places: Iterable<string>, next: (place: string) => Iterable<string>): string[] {
  const found: string[] = []
  const done = new Set<string>()
  const visit = (place: string, path: readonly string[]) => {
    const at = path.indexOf(place)
    if (at >= 0) {
      found.push([...path.slice(at), place].join(' -> '))
      return
    }
    if (done.has(place)) return
    for (const other of next(place)) visit(other, [...path, place])
    done.add(place)
  }
  for (const place of places) visit(place, [])
  return found
}

describe('structure', () => {
  it('has the files this test thinks it reads', () => {
    expect(files.length).toBeGreaterThan(60)
    expect(new Set(files.map(room))).toEqual(new Set(Object.keys(may)))
  })

  it('keeps to who may import whom', () => {
    const wrong = between.filter(({ from, to }) => !may[from]?.includes(to))
    expect(wrong.map(({ file, other }) => `${file} imports ${other}`)).toEqual([])
  })

  it('allows nothing that nobody uses', () => {
    const used = new Set(between.map(({ from, to }) => `${from} imports ${to}`))
    const allowed = Object.entries(may).flatMap(([from, all]) =>
      all.map((to) => `${from} imports ${to}`),
    )
    expect(allowed.filter((line) => !used.has(line))).toEqual([])
  })

  it('has no import cycles', () => {
    expect(cycles(files, (file) => imports(file))).toEqual([])
  })

  it('has no cycles between rooms, the folders of roles included', () => {
    // An index is a room's door, which gathers what stands behind it; a type alone leads nowhere at run time.
    const behind = files.filter((file) => !file.endsWith('/index.ts'))
    const next = (folder: string) =>
      new Set(
        behind
          .filter((file) => dirname(file) === folder)
          .flatMap((file) => imports(file, 'not the types'))
          .map(dirname)
          .filter((other) => other !== folder),
      )
    expect(cycles(new Set(behind.map(dirname)), next)).toEqual([])
  })

  it('keeps the rooms of lib small, and every name in one place', () => {
    const lib = files.filter((file) => file.startsWith('lib/'))
    const per = grouped(lib, dirname)
    expect([...per].filter(([, all]) => all.length > 20).map(([folder]) => folder)).toEqual([])
    const names = grouped(
      lib.filter((file) => !file.endsWith('/index.ts')),
      (file) => basename(file),
    )
    expect([...names.values()].filter((all) => all.length > 1)).toEqual([])
    const lengths = lib.map((file) => readFileSync(join(root, file), 'utf8').split('\n').length - 1)
    expect(lib.filter((_, index) => (lengths[index] ?? 0) > 250)).toEqual([])
    expect(lengths.sort((a, b) => a - b)[lengths.length >> 1]).toBeLessThan(75)
  })

  it('lets drills know of lib/drill what its index tells', () => {
    const inside = files
      .filter((file) => file.startsWith('playbooks/drills/'))
      .flatMap((file) => imports(file).map((other) => `${file} imports ${other}`))
      .filter((text) => /imports lib\/drill\/(?!index\.ts$)/.test(text))
    expect(inside).toEqual([])
  })

  it('has no word of this pair in lib', () => {
    const words = /drbd|heartbeat|nfs|victim|\b(?:M1|M2|C1)\b/i
    // Strings come first: what looks like a comment within one is none.
    const text =
      /("(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|`(?:\\.|[^`\\])*`)|\/\*[\s\S]*?\*\/|\/\/.*/g
    const code = (file: string) =>
      readFileSync(join(root, file), 'utf8').replaceAll(text, (_, string = '') => string)
    const found = files.filter((file) => file.startsWith('lib/') && words.test(code(file)))
    expect(found.sort()).toEqual([...mountsOfNfs].sort())
  })

  it('names the words of one cluster manager in its own role alone', () => {
    const elsewhere = ['roles', 'playbooks', 'lib', 'inventory']
      .flatMap((folder) => sources(folder, /\.(ts|hbs|[cm]js)$/))
      .filter((file) => !file.startsWith('roles/heartbeat/'))
    expect(elsewhere.length).toBeGreaterThan(100)
    expect(
      elsewhere.filter((file) =>
        /\bhb_\w|\bcl_status\b|\bha\.cf\b|haresources/.test(readFileSync(join(root, file), 'utf8')),
      ),
    ).toEqual([])
  })

  it('reports only consume events: the engine never imports them', () => {
    const engine = files.filter((file) => room(file) === 'lib/engine')
    const imported = engine.flatMap((file) => imports(file))
    expect(engine.length).toBeGreaterThan(5)
    expect(imported.filter((file) => file.startsWith('lib/report'))).toEqual([])
  })
})
