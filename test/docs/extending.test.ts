import { execFile } from 'node:child_process'
import { cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { makeSkeleton, skeletonKinds } from '../../docs/skeleton.ts'

const run = promisify(execFile)
const root = resolve(import.meta.dirname, '../..')
const timeout = 180_000
let copy = ''

/** A checkout of its own, with this one's packages. */
beforeAll(async () => {
  copy = await mkdtemp(join(tmpdir(), 'tandem-extending-'))
  const folders = ['lib', 'roles', 'playbooks', 'inventory', 'test', 'docs', 'bench']
  const files = [
    'package.json',
    'tsconfig.json',
    'biome.json',
    'vitest.config.ts',
    'vitest.lab.config.ts',
  ]
  await Promise.all(
    [...folders, ...files].map((name) =>
      cp(join(root, name), join(copy, name), { recursive: true }),
    ),
  )
  await symlink(join(root, 'node_modules'), join(copy, 'node_modules'))
  await run('git', ['init', '-q'], { cwd: copy })
}, timeout)
afterAll(() => rm(copy, { recursive: true, force: true }))

/** Puts lines into a file: each behind the line that it follows. */
async function edit(file: string, lines: Readonly<Record<string, string>>) {
  const path = join(copy, file)
  let text = await readFile(path, 'utf8')
  for (const [behind, added] of Object.entries(lines)) {
    expect(text).toContain(behind)
    text = text.replace(behind, `${behind}${added}`)
  }
  await writeFile(path, text)
}

const tool = (name: string, ...words: string[]) =>
  run(join(copy, 'node_modules/.bin', name), words, { cwd: copy, timeout }).catch((error) => {
    throw new Error(`${name} ${words.join(' ')}: ${error.stdout}${error.stderr}`)
  })

/** Each time only what was edited since. */
const typechecked = () =>
  tool('tsc', '--noEmit', '--incremental', '--tsBuildInfoFile', '.tsbuildinfo', '-p', '.')

/** What `npm run play` of the copy says. */
const listed = async (...words: string[]) =>
  (await run('node', ['lib/launch/start.cjs', 'play', ...words], { cwd: copy, timeout })).stdout

describe('npm run new', () => {
  it('makes one of each, which passes lint, types and tests as made', { timeout }, async () => {
    const made: string[] = []
    for (const kind of skeletonKinds) made.push(...(await makeSkeleton(copy, kind, 'made-up')))
    expect(made.filter((line) => line.startsWith('next: ')).length).toBeGreaterThan(3)
    // What is said to come next, as a newcomer would do it.
    await edit('playbooks/site.ts', {
      "import watch from '../roles/integrate/watch.ts'\n":
        "import madeUp from '../roles/made-up/index.ts'\n",
      "title: 'base', hosts: 'nodes', roles: [ntp, hosts, routes": ', madeUp',
    })
    await edit('lib/resources/index.ts', {
      "export { link } from './link.ts'\n": "export { madeUp } from './made-up.ts'\n",
    })
    await edit('playbooks/drills/index.ts', {
      "import { em1, em2, em3, gateway, split } from './lines.ts'\n":
        "import { madeUp } from './made-up.ts'\n",
      '  standby,\n  heartbeatStop,\n': '  madeUp,\n',
    })
    await tool('biome', 'check', 'roles/made-up', 'lib', 'playbooks', 'test/resources')
    await typechecked()
    const own = [
      'test/resources/made-up.test.ts',
      'test/drill/drills.test.ts',
      'test/roles/verify.test.ts',
    ]
    await tool('vitest', 'run', ...own, 'test/structure.test.ts')
    // It is verified with nothing else edited.
    expect(await listed('verify', '--list-tasks')).toContain('made-up: file /etc/made-up.conf')
  })

  it.each([
    ['rule', 'x', 'Expected role, resource, drill, playbook, got `rule`'],
    ['role', 'My Role', 'Expected a name such as my-role, got `My Role`'],
    ['playbook', 'site', 'playbooks/site.ts is there already: expected a name that is free'],
  ])('refuses %s %s', async (kind, name, text) => {
    await expect(makeSkeleton(root, kind, name)).rejects.toThrow(text)
  })
})

/** Puts a newcomer's file into the copy. */
const exercise = (name: string, place: string) =>
  cp(join(import.meta.dirname, 'exercises', name), join(copy, place))

/** What the lab's servers hold for the roles of the copy, asked in a process of its own. */
async function installed(): Promise<readonly string[]> {
  const script = `
    import { topology } from './inventory/topology.ts'
    import { labPackages } from './lib/cli/lab/lab-packages.ts'
    console.log(JSON.stringify(await labPackages(topology, { root: process.cwd() })))`
  const words = ['--import', 'tsx', '--input-type=module', '-e', script]
  const { stdout } = await run('node', words, { cwd: copy, timeout })
  return JSON.parse(stdout).server
}

describe("a newcomer's firewall", () => {
  it('is two files and a line in site, and is verified, rendered and in the lab', {
    timeout,
  }, async () => {
    const folder = join(copy, 'roles/firewall')
    await mkdir(join(folder, 'templates'), { recursive: true })
    await exercise('firewall/index.ts.txt', 'roles/firewall/index.ts')
    await exercise('firewall/nftables.conf.hbs', 'roles/firewall/templates/nftables.conf.hbs')
    expect(await installed()).not.toContain('nftables')
    await edit('playbooks/site.ts', {
      "import preflight from '../roles/preflight/index.ts'\n":
        "import firewall from '../roles/firewall/index.ts'\n",
      "title: 'base', hosts: 'nodes', roles: [ntp, hosts, routes": ', firewall',
    })
    await tool('biome', 'check', '--write', 'playbooks/site.ts')
    await tool('biome', 'check', 'roles/firewall')
    await typechecked()
    expect(await listed('verify', '--list-tasks')).toContain('firewall: file /etc/nftables.conf')
    await tool('vitest', 'run', 'test/roles/rendered.test.ts', '-u')
    // Of both new roles.
    const golden = (file: string) =>
      readFile(join(copy, 'test/roles/rendered/production/M1/etc', file), 'utf8')
    expect(await golden('nftables.conf')).toContain('iif em3 accept')
    expect(await golden('made-up.conf')).toContain('node = M1.redhat.sx')
    await tool('vitest', 'run', 'test/roles/verify.test.ts')
    expect(await installed()).toContain('nftables')
  })
})

describe("a newcomer's resource", () => {
  it('is a file, its test and a line in the index', { timeout }, async () => {
    // In place of the one made above, where that was: lib/resources has room for one more file, and then wants a folder.
    await rm(join(copy, 'lib/resources/made-up.ts'), { force: true })
    await rm(join(copy, 'test/resources/made-up.test.ts'), { force: true })
    const index = join(copy, 'lib/resources/index.ts')
    const made = "export { madeUp } from './made-up.ts'\n"
    await writeFile(index, (await readFile(index, 'utf8')).replace(made, ''))
    await exercise('resource/unpacked.ts.txt', 'lib/resources/unpacked.ts')
    await exercise('resource/unpacked.test.ts.txt', 'test/resources/unpacked.test.ts')
    await edit('lib/resources/index.ts', {
      "export { renderFile, type Template, templates } from './template.ts'\n":
        "export { unpacked } from './unpacked.ts'\n",
    })
    await tool('biome', 'check', 'lib/resources', 'test/resources/unpacked.test.ts')
    await typechecked()
    await tool('vitest', 'run', 'test/resources/unpacked.test.ts', 'test/structure.test.ts')
  })
})

describe("a newcomer's drill", () => {
  it('is a file and a line in the list, and a good pair passes it', { timeout }, async () => {
    await exercise('drill/mountd.ts.txt', 'playbooks/drills/mountd.ts')
    await edit('playbooks/drills/index.ts', {
      "import { em1, em2, em3, gateway, split } from './lines.ts'\n":
        "import { mountd } from './mountd.ts'\n",
      '  nfsdcld,\n': '  mountd,\n',
    })
    await tool('biome', 'check', '--write', 'playbooks/drills/index.ts')
    await tool('biome', 'check', 'playbooks/drills')
    await typechecked()
    await tool('vitest', 'run', 'test/drill/drills.test.ts')
    expect(await listed('drill', '--list')).toMatch(
      /^ {2}mountd +kills rpc.mountd on the active node/m,
    )
  })
})
