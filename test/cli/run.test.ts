import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { userInfo } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startServer, type TestServer } from '../ssh/server.ts'
import { tandem } from './spawn.ts'

const timeout = 60_000
let server: TestServer
let mark = ''

beforeAll(async () => {
  server = await startServer()
  mark = join(server.root, 'mark')
})
afterAll(() => server.close())

/** The command line against the test's SSH server. */
function play(args: readonly string[], onStdout?: Parameters<typeof tandem>[2]) {
  const env = {
    TEST_MARK: mark,
    TEST_PORT: String(server.port),
    TEST_USER: userInfo().username,
    TEST_IDENTITY: server.identityFile,
    TEST_KNOWN_HOSTS: server.knownHostsFile,
    TANDEM_INVENTORY: 'server',
  }
  return tandem(['play', 'mark', ...args], env, onStdout)
}

const times = (text: string) => text.replaceAll(/\d[\d.]* s\b/g, 'N s')

test('--check --diff says what would change and changes nothing', { timeout }, async () => {
  const { stdout, stderr, code } = await play(['--check', '--diff'])
  expect(stderr).toBe('')
  expect(stdout).toContain('S1  would-change  mark: the mark: no mark')
  expect(stdout).toContain('    +set\n')
  expect(stdout).toContain('checked, there is something to change')
  expect(code).toBe(0)
  expect(existsSync(mark)).toBe(false)
})

test('a run changes it, and the next one finds nothing to do', { timeout }, async () => {
  const first = await play([])
  expect(times(first.stdout)).toMatch(/^S1 {2}changed +mark: the mark: no mark {2}\(N s\)$/m)
  expect(readFileSync(mark, 'utf8')).toBe('set\n')
  expect(first.code).toBe(0)
  const second = await play(['--verbose'])
  expect(times(second.stdout)).toMatch(/^S1 {2}ok +mark: the mark {2}\(N s\)$/m)
  expect(second.stdout).toMatch(/^converged \(/m)
  expect(second.code).toBe(0)
})

test('--profile says where the time went, down to the last check', { timeout }, async () => {
  const { stdout } = await play(['--profile', '--output', 'json'])
  const events = stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line))
  const { type, ms, hosts, tasks } = events.at(-1)
  expect(type).toBe('profile')
  // A real process takes its time to start, and hosts to connect to.
  expect(ms.startUp).toBeGreaterThan(20)
  expect(ms.startUp + ms.hosts + ms.closing).toBeCloseTo(ms.total, 1)
  expect(hosts[0].connect).toBeGreaterThan(1)
  expect(tasks.map(({ title }: { title: string }) => title)).toEqual(['the mark', 'something long'])
  expect(events.some(({ at }) => at % 1 !== 0)).toBe(true)
})

test('an interrupted run names what was in flight and ends with 130', { timeout }, async () => {
  writeFileSync(`${mark}.wait`, '')
  let sent = false
  const { stdout, code } = await play(['--output', 'json'], (text, kill) => {
    if (sent || !text.includes('"phase":"apply"')) return
    sent = true
    kill('SIGTERM')
  })
  expect(stdout).toContain(
    'SIGTERM: the run stops after the changes under way (S1 mark: something long)',
  )
  expect(stdout.trimEnd().split('\n').at(-1)).toContain('"type":"run-end"')
  expect(code).toBe(130)
})
