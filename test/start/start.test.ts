import { spawnSync } from 'node:child_process'
import {
  closeSync,
  cpSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { Copy, inventory, playbook, role } from './copy.ts'

let copy: Copy
beforeEach(() => {
  copy = new Copy()
})
afterEach(() => copy.remove())

const list = 'play site --list-tasks'

test('the first start builds a bundle, the later ones run it', async () => {
  const sources = await copy.run(list, { sources: true })
  const first = await copy.run(list)
  expect(first.way).toMatch(/^start: building a bundle: .*\nstart: keeping \d+ bytes/)
  const second = await copy.run(list)
  expect(second.way).toBe('')
  for (const { stdout, stderr, code } of [first, second]) {
    expect({ stdout, stderr, code }).toEqual({ ...sources, way: undefined })
  }
  expect(second.stdout).toContain('one: one')
})

test('whatever is edited is in the next run', async () => {
  await copy.run(list)
  const next = async () => {
    const { way, stdout, stderr } = await copy.run(list)
    return { why: /bundle: (?:\S+\/)?(\S+) has changed/.exec(way)?.[1], said: stdout + stderr }
  }

  // As long as before, and as old to the eye.
  const path = join(copy.path, 'roles/one.ts')
  const { atime, mtime } = statSync(path)
  copy.write('roles/one.ts', role('two'))
  utimesSync(path, atime, mtime)
  expect(await next()).toEqual({ why: 'one.ts', said: expect.stringContaining('one: two') })

  copy.edit('lib/engine/plan.ts', (text) => `${text}\nprocess.stderr.write('in lib')\n`)
  expect(await next()).toEqual({ why: 'plan.ts', said: expect.stringContaining('in lib') })

  const module = 'node_modules/yargs-parser/build/lib/index.js'
  copy.edit(module, (text) => `${text}\nprocess.stderr.write('in a package')\n`)
  expect(await next()).toEqual({ why: 'index.js', said: expect.stringContaining('in a package') })

  copy.edit('lib/launch/stack.cjs', (text) => `${text}\n`)
  expect(await next()).toEqual({ why: 'stack.cjs', said: expect.anything() })
  expect(await next()).toEqual({ why: undefined, said: expect.anything() })
})

test('a new file is found, and one that is gone is not', async () => {
  await copy.run(list)
  copy.write('playbooks/more.ts', playbook('more'))
  copy.write('inventory/other.ts', inventory('other'))
  const found = await copy.run('play more --inventory other --list-tasks')
  expect(found).toMatchObject({ code: 0, stdout: expect.stringContaining('one: one') })
  rmSync(join(copy.path, 'playbooks/more.ts'))
  const gone = await copy.run('play more --list-tasks')
  expect(gone.stderr).toMatch(/^Unknown playbook or role `more`/)
})

test('a link that comes to point elsewhere is followed', async () => {
  for (const name of ['blue', 'green']) {
    copy.write(`${name}/one.ts`, role(name).replace('../lib', `${copy.path}/lib`))
  }
  const roles = join(copy.path, 'roles')
  const point = (name: string) => {
    rmSync(roles, { recursive: true })
    symlinkSync(join(copy.path, name), roles)
  }
  point('blue')
  expect((await copy.run(list)).stdout).toContain('one: blue')
  expect((await copy.run(list)).way).toBe('')
  point('green')
  expect((await copy.run(list)).stdout).toContain('one: green')
})

test('an edit while the bundle is built is not missed', async () => {
  for (const [index, delay] of [0, 100, 250].entries()) {
    copy.write('roles/one.ts', role(`before-${index}`))
    let edited = false
    await copy.run(list, {
      said: (way) => {
        if (edited || !way.includes('building')) return
        edited = true
        setTimeout(() => copy.write('roles/one.ts', role(`after-${index}`)), delay)
      },
    })
    expect(edited).toBe(true)
    expect((await copy.run(list)).stdout).toContain(`one: after-${index}`)
  }
})

test('a source that does not compile is told as without a bundle', async () => {
  await copy.run(list)
  copy.write('playbooks/broken.ts', 'export default {{}\n')
  for (const line of ['play broken', 'play site --list-tasks', 'play --help']) {
    const { way, ...bundled } = await copy.run(line)
    expect(way).toContain('start: without a bundle: ')
    const { way: _, ...sources } = await copy.run(line, { sources: true })
    const plain = (text: string) => text.replaceAll(/^ {4}at .*\n/gm, '')
    expect({ ...bundled, stderr: plain(bundled.stderr) }).toEqual({
      ...sources,
      stderr: plain(sources.stderr),
    })
  }
  copy.write('playbooks/broken.ts', playbook('whole'))
  const repaired = await copy.run('play broken --list-tasks')
  expect(repaired.way).not.toContain('without a bundle')
  expect(repaired.code).toBe(0)
})

test('what a bundle cannot have in it runs without one', async () => {
  copy.write('roles/word.ts', "export default 'found'\n")
  copy.edit(
    'roles/one.ts',
    (text) => `const word = './word.ts'
const { default: title } = await import(word)
${text.replace("'one', {", 'title, {')}`,
  )
  const top = await copy.run(list)
  expect(top).toMatchObject({ code: 0, stdout: expect.stringContaining('one: found') })
  expect(top.way).toContain('without a bundle')
  copy.write('roles/one.ts', `${role('one')}\nimport('./word.ts'.trim()).then(console.log)\n`)
  const late = await copy.run(list)
  expect(late.way).toContain('without a bundle')
  expect(late.stdout).toContain("default: 'found'")
})

test('where nothing can be kept the sources run', async () => {
  writeFileSync(copy.cache, 'no folder')
  const { way, stdout, code } = await copy.run(list)
  expect(way).toContain('start: without a bundle: ')
  expect(stdout).toContain('one: one')
  expect(code).toBe(0)
})

test('runs that build at once do not hurt each other', async () => {
  for (const title of ['first', 'second']) {
    copy.write('roles/one.ts', role(title))
    const runs = await Promise.all([1, 2, 3].map(() => copy.run(list)))
    for (const { stdout, stderr, code } of runs) {
      expect(stdout).toContain(`one: ${title}`)
      expect({ stderr, code }).toEqual({ stderr: '', code: 0 })
    }
    expect((await copy.run(list)).way).not.toContain('building')
  }
})

/** Ways to damage a file. */
const damages: Record<string, (file: string) => void> = {
  'cut off': (file) => truncateSync(file, Math.floor(statSync(file).size / 2)),
  garbage: (file) => writeFileSync(file, Buffer.alloc(200_000, 'x')),
  'of zeros': (file) => writeFileSync(file, Buffer.alloc(statSync(file).size)),
  'changed in the middle': (file) => {
    const opened = openSync(file, 'r+')
    writeSync(opened, 'zzzzzzzz', Math.floor(statSync(file).size * 0.4))
    closeSync(opened)
  },
}

test.for(['bundle', 'code'] as const)('a damaged %s is made anew', async (kind) => {
  const good = await copy.run(list)
  for (const [name, damage] of Object.entries(damages)) {
    damage(copy.kept(kind))
    const { stdout, stderr, code, way } = await copy.run(list)
    expect({ name, stdout, stderr, code }).toEqual({ name, ...good, way: undefined })
    expect(way).toContain(kind === 'bundle' ? 'building a bundle' : 'keeping')
    expect((await copy.run(list)).way).toBe('')
  }
})

test('compiled code of another bundle is not taken', async () => {
  copy.write('roles/one.ts', role('old'))
  await copy.run(list)
  const code = readFileSync(copy.kept('code'))
  copy.write('roles/one.ts', role('new'))
  await copy.run(list)
  writeFileSync(copy.kept('code'), code)
  expect((await copy.run(list)).stdout).toContain('one: new')
})

test('a moved repository builds its own', async () => {
  await copy.run(list)
  const moved = `${copy.path}-moved`
  renameSync(copy.path, moved)
  mkdirSync(copy.path)
  cpSync(join(moved, 'node_modules/.cache'), copy.cache, { recursive: true })
  Object.assign(copy, { path: moved, cache: join(moved, 'node_modules/.cache') })
  const { way, stdout } = await copy.run(list)
  expect(way).toContain('building a bundle')
  expect(stdout).toContain('one: one')
  rmSync(moved.replace(/-moved$/, ''), { recursive: true })
})

test('without npm ci, or a part of it, one sentence says what to do', async () => {
  const missing = `Tandem's packages are missing: run \`npm ci\` in ${copy.path}\n`
  for (const name of ['zod', 'esbuild', 'tsx']) {
    rmSync(join(copy.path, 'node_modules', name))
    expect(await copy.run(list)).toMatchObject({ code: 1, stdout: '', stderr: missing })
  }
  rmSync(join(copy.path, 'node_modules'), { recursive: true })
  expect(await copy.run(list)).toMatchObject({ code: 1, stdout: '', stderr: missing })
})

test.each([
  ['18.20.4', true],
  ['20.18.9', true],
  ['20.19.0', false],
  ['24.1.0', false],
])('on Node %s one sentence says whether it is too old', async (version, old) => {
  // Only the version is another: an old Node itself is not at hand.
  copy.write(
    'old.cjs',
    `Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '${version}' } })
Object.defineProperty(process, 'version', { value: 'v${version}' })`,
  )
  const { stderr, code } = await copy.run(list, { env: { NODE_OPTIONS: '--require ./old.cjs' } })
  const sentence = `Tandem needs Node.js 20.19 or newer, this is v${version} (${process.execPath}); see docs/guide.md\n`
  expect({ stderr, code }).toEqual(old ? { stderr: sentence, code: 1 } : { stderr: '', code: 0 })
})

test('starts without npm, from any folder and through a link', async () => {
  cpSync(join(import.meta.dirname, '../../tandem'), join(copy.path, 'tandem'))
  const elsewhere = join(copy.path, 'elsewhere')
  mkdirSync(elsewhere)
  symlinkSync('../tandem', join(elsewhere, 'link'))
  const run = (...args: string[]) =>
    spawnSync(join(elsewhere, 'link'), args, { cwd: elsewhere, encoding: 'utf8' })
  const listed = run('site', '--list-tasks')
  expect(listed).toMatchObject({ status: 0, stdout: expect.stringContaining('one: one') })
  expect(run('play', 'site', '--list-tasks').stdout).toBe(listed.stdout)
  expect(run().stdout).toContain('Playbooks:')
  expect(run('sit')).toMatchObject({
    status: 1,
    stderr: expect.stringMatching(/did you mean `site`/),
  })
})
