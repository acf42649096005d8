import { spawnSync } from 'node:child_process'
import { closeSync, mkdirSync, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir, userInfo } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { newKey, publicKeyOf, startServer, type TestServer } from '../ssh/server.ts'
import { tandem } from './spawn.ts'

const timeout = 60_000
const lib = new URL('../../lib/index.ts', import.meta.url).href
const site = mkdtempSync(join(tmpdir(), 'tandem-site-'))
let server: TestServer
let noSudo: TestServer

const inventory = (name: string, hosts: object, vars = '{}') => `
import { secret } from '${lib}'
export default {
  name: '${name}',
  production: false,
  hosts: ${JSON.stringify(hosts)},
  groups: {},
  vars: ${vars},
  timeouts: { connect: 10000, check: 10000, apply: 10000 },
  lockPath: '${site}/lock',
}
`
const playbook = (title: string, tasks: string) => `
import { change, playbook, Refusal, requirement, role, task, templates } from '${lib}'
const nothing = async () => {}
const tasks = (context) => ${tasks}
const plays = [{ title: 'It', hosts: 'all', roles: [role('it', tasks)] }]
export default playbook({ name: '${title}', description: '', plays })
`
const playbooks = {
  changes: `[task('it', { check: async () => change('differs'), apply: nothing })]`,
  fails: `[task('it', { check: async ({ $ }) => { await $\`cat /no/file\` }, apply: nothing })]`,
  guarded: `[requirement('the peer', async () => { throw new Refusal('M2 is not up to date') })]`,
  letter: `[templates(${JSON.stringify(site)})('letter', '/x', { name: 'M1' })]`,
  throws: `context.vars.drbd.nodes.map((node) => task(node, {}))`,
}

beforeAll(async () => {
  server = await startServer()
  noSudo = await startServer({ env: { PATH: join(site, 'bin') } })
  for (const folder of ['bin', 'inventory', 'playbooks', 'templates']) mkdirSync(join(site, folder))
  const write = (path: string, text: string, mode = 0o644) => {
    writeFileSync(join(site, path), text, { mode })
    return join(site, path)
  }
  write('package.json', '{ "type": "module" }')
  for (const [name, tasks] of Object.entries(playbooks)) {
    write(`playbooks/${name}.ts`, playbook(name, tasks))
  }
  write('templates/letter.hbs', 'Dear {{name}},\nthe {{colour}} one\n')
  write('bin/sudo', '#!/bin/sh\necho "sudo: a password is required" >&2; exit 1\n', 0o755)

  const good = {
    address: '127.0.0.1',
    port: server.port,
    user: userInfo().username,
    identityFiles: [server.identityFile],
    knownHosts: [server.knownHostsFile],
    sshConfig: 'none',
  }
  const other = newKey().private
  const changed = `[127.0.0.1]:${server.port} ${publicKeyOf(other)}\n`
  const sudo = { ...good, port: noSudo.port, identityFiles: [noSudo.identityFile] }
  const connections = {
    S1: good,
    off: { ...good, port: 1 },
    unknown: { ...good, knownHosts: [write('none', '')] },
    changed: { ...good, knownHosts: [write('changed', changed)] },
    refused: { ...good, identityFiles: [write('key', other, 0o600), join(site, 'nokey')] },
    sudo: { ...sudo, become: true, knownHosts: [noSudo.knownHostsFile] },
  }
  const hosts = Object.fromEntries(
    Object.entries(connections).map(([name, connection]) => [name, { connection, vars: {} }]),
  )
  const one = inventory('lab', { S1: hosts.S1 })
  write('inventory/lab.ts', one)
  write('inventory/six.ts', inventory('six', hosts))
  write('inventory/sealed.ts', inventory('sealed', { S1: hosts.S1 }, `{ key: secret('a.key') }`))
  write('inventory/syntax.ts', one.replace('groups: {}', 'groups: {{}'))
  write('inventory/waits.ts', `${inventory('waits', { S1: hosts.S1 })}await Promise.resolve()\n`)
})
afterAll(async () => {
  await server?.close()
  await noSudo?.close()
  rmSync(site, { recursive: true, force: true })
})

const env = { TANDEM_SECRETS: join(site, 'secrets') }
const run = (line: string) => tandem(['play', ...line.split(' ')], env, undefined, site)

/** What is wrong before any host is asked: one sentence, exit code 1. */
const usage: readonly [line: string, sentence: RegExp][] = [
  ['--check', /^Expected a playbook or role; npm run play lists them\n$/],
  [
    'changes --inventory syntax',
    /^inventory\/syntax\.ts: syntax error at .*syntax\.ts:7:\d+: .+\n$/,
  ],
  [
    'changes --inventory sealed',
    /^Inventory sealed needs the secrets a\.key, expected in .*npm run secrets -- sealed\n$/,
  ],
  ['letter', /^template templates\/letter\.hbs line 2: variable `colour` does not exist\n$/],
  ['throws', /^throws cannot be run on inventory lab: Cannot read .*throws\.ts:4\)\n$/],
]

test.concurrent.for(usage)('play %s is wrong usage', { timeout }, async ([line, sentence]) => {
  const { stdout, stderr, code } = await run(line)
  expect(stderr).toMatch(sentence)
  expect(stdout).toBe('')
  expect(code).toBe(1)
})

test('an inventory may wait for what it needs', { timeout }, async () => {
  const listed = await run('changes --inventory waits --list-hosts')
  expect(listed).toMatchObject({ code: 0, stderr: '', stdout: expect.stringContaining('S1') })
})

/** What a host says or a guard forbids: a line in the report, and the exit code of its kind. */
const ends: readonly [line: string, line: RegExp, code: number][] = [
  ['changes', /^S1 {2}failed +it: it: .*differs/m, 2],
  ['fails', /^S1 {2}failed +it: it: .*\/no\/file: No such file or directory.*fails\.ts:4/m, 2],
  ['guarded', /^S1 {2}refused +it: the peer: M2 is not up to date/m, 4],
]

// One after another: a host's lock lets one run at a time work on it.
test.for(ends)('play %s is told by its exit code', { timeout }, async (one) => {
  const { stdout, stderr, code } = await run(one[0])
  expect(stdout).toMatch(one[1])
  expect(stdout).not.toMatch(/^ {4}at /m)
  expect(stderr).toBe('')
  expect(code).toBe(one[2])
})

test('a host that cannot be worked on says why; no other is begun', { timeout }, async () => {
  const { stdout, code } = await run('changes --inventory six --output json')
  const events = stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line))
  const unreachable = events.filter(({ type }) => type === 'host-unreachable')
  const said = Object.fromEntries(unreachable.map(({ host, error }) => [host, error]))
  const at = `127\\.0\\.0\\.1:${server.port}`
  const print = '\\S+ SHA256:\\S+'
  expect(said).toEqual({
    off: 'off: nothing listens at 127.0.0.1:1',
    unknown: expect.stringMatching(
      `^unknown: host key of ${at} is in none of ${site}/none \\(got ${print}\\); compare it on the host's console \\(ssh-keygen .*\\), then: ssh-keyscan -p ${server.port} 127.0.0.1 >> ${site}/none$`,
    ),
    changed: expect.stringMatching(
      `^changed: host key of ${at} is not the one in ${site}/changed:1 \\(expected ${print}, got ${print}\\)`,
    ),
    refused: expect.stringMatching(
      `^refused: login as \\S+ refused by ${at} \\(tried: key ${site}/key; key ${site}/nokey does not exist`,
    ),
    sudo: expect.stringMatching(
      '^sudo: user \\S+ may not sudo without a password: sudo: a password is required; --ask-become-pass \\(-K\\) asks for one$',
    ),
  })
  expect(events.some(({ type }) => type === 'play-start')).toBe(false)
  expect(code).toBe(3)
})

test('what cannot be written is no success', { timeout }, () => {
  const start = fileURLToPath(new URL('../../lib/launch/start.cjs', import.meta.url))
  const full = openSync('/dev/full', 'w')
  const { status, stderr } = spawnSync(
    process.execPath,
    [start, 'play', 'changes', '--list-tasks'],
    {
      cwd: site,
      env: { ...process.env, ...env },
      stdio: ['ignore', full, 'pipe'],
      encoding: 'utf8',
    },
  )
  closeSync(full)
  expect(stderr).toMatch(/^Standard output could not be written: ENOSPC/)
  expect(status).toBe(2)
})
