import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { describe, expect, it } from 'vitest'

const root = resolve(import.meta.dirname, '..')
const lib = ['lib/index.ts', 'lib/task.ts', 'lib/errors.ts', 'lib/secret.ts']

/** Folder, or single file at the top of lib, to what it may import; ARCHITECTURE.md says why. */
const may: Record<string, readonly string[]> = {
  'lib/task.ts': [],
  'lib/errors.ts': [],
  'lib/secret.ts': ['lib/errors.ts'],
  'lib/together.ts': ['lib/task.ts'],
  'lib/index.ts': [
    'lib/task.ts',
    'lib/errors.ts',
    'lib/secret.ts',
    'lib/resources',
    'lib/inventory',
    'lib/platform',
    // The type of the lab's topology alone.
    'lib/lab',
  ],
  'lib/ssh': ['lib/task.ts', 'lib/errors.ts'],
  'lib/platform': ['lib/task.ts', 'lib/errors.ts', 'lib/together.ts'],
  'lib/resources': ['lib/task.ts', 'lib/errors.ts', 'lib/together.ts', 'lib/platform'],
  'lib/inventory': ['lib/task.ts', 'lib/errors.ts'],
  'lib/engine': ['lib/task.ts', 'lib/errors.ts', 'lib/ssh', 'lib/inventory'],
  'lib/report': ['lib/task.ts', 'lib/errors.ts', 'lib/engine', 'lib/secret.ts'],
  'lib/lab': ['lib/task.ts', 'lib/errors.ts', 'lib/ssh'],
  'lib/drill': ['lib/task.ts', 'lib/errors.ts', 'lib/ssh'],
  'lib/cli': [
    ...lib,
    'lib/drill',
    'lib/engine',
    'lib/inventory',
    'lib/lab',
    'lib/platform',
    'lib/report',
    'lib/resources',
    'lib/ssh',
    'playbooks',
    'inventory',
  ],
  // The command line itself it loads by path: a bundle of it, or its source.
  'lib/start': [],
  inventory: ['lib/index.ts'],
  roles: ['lib/index.ts', 'inventory'],
  playbooks: ['lib/index.ts', 'roles'],
  'playbooks/drills': ['lib/index.ts', 'lib/drill', 'inventory', 'roles'],
}

/** The resource knows the types of filesystems. */
const mountsOfNfs = ['lib/resources/mount-table.ts', 'lib/resources/mount.ts']

function sources(folder: string, named = /\.(ts|[cm]js)$/): string[] {
  return readdirSync(join(root, folder), { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile() && named.test(entry.name))
    .map((entry) => relative(root, join(entry.parentPath, entry.name)))
}

const files = ['lib', 'roles', 'playbooks', 'inventory'].flatMap((folder) => sources(folder))

/** Files of this repository that a file imports, statically or not, types included. */
function imports(file: string): string[] {
  const text = readFileSync(join(root, file), 'utf8')
  const found = text.matchAll(/(?:\bfrom|\bimport\s*\(?|\brequire\s*\()\s*['"](\.[^'"]+)['"]/g)
  return [...found].map(([, path]) => relative(root, resolve(root, dirname(file), path ?? '')))
}

function part(file: string): string {
  const [top = '', second] = file.split('/')
  const isRoom = top === 'lib' || file.startsWith('playbooks/drills/')
  return isRoom ? `${top}/${second}` : top
}

describe('structure', () => {
  it('has the files this test thinks it reads', () => {
    expect(files.length).toBeGreaterThan(60)
    expect(new Set(files.map(part))).toEqual(new Set(Object.keys(may)))
  })

  it('keeps to who may import whom', () => {
    const wrong = files.flatMap((file) =>
      imports(file)
        .filter((other) => part(other) !== part(file) && !may[part(file)]?.includes(part(other)))
        .map((other) => `${file} imports ${other}`),
    )
    expect(wrong).toEqual([])
  })

  it('has no import cycles', () => {
    const cycles: string[] = []
    const done = new Set<string>()
    const visit = (file: string, path: readonly string[]) => {
      const at = path.indexOf(file)
      if (at >= 0) {
        cycles.push([...path.slice(at), file].join(' -> '))
        return
      }
      if (done.has(file)) return
      for (const other of imports(file)) visit(other, [...path, file])
      done.add(file)
    }
    for (const file of files) visit(file, [])
    expect(cycles).toEqual([])
  })

  it('lets drills know of lib/drill what its index tells', () => {
    const inside = files
      .filter((file) => part(file) === 'playbooks/drills')
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
    const engine = files.filter((file) => part(file) === 'lib/engine').flatMap(imports)
    expect(engine.filter((file) => part(file) === 'lib/report')).toEqual([])
  })
})
