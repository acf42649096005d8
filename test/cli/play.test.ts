import { createServer } from 'node:net'
import { expect, test } from 'vitest'
import { tandem } from './spawn.ts'

const timeout = 30_000

/** Words that cannot be right, and the one sentence each gets. */
const wrong: readonly [args: string[], sentence: string][] = [
  [['sit'], 'Unknown playbook or role `sit`, did you mean `site`? There are: broken, mark, site, '],
  [['heartbeat/instal'], 'did you mean `heartbeat/install`?'],
  [['site', '--chek'], 'Unknown option --chek, did you mean --check? There are: --check, '],
  [['site', '--limit', 'M3'], 'Unknown host or group `M3`; there are: M1, M2, '],
  [['site', '--tags', 'fils'], 'Unknown tag `fils`, did you mean `files`?'],
  [['site', '--start-at', 'hacf'], 'No task is called `hacf`, did you mean `ha.cf`?'],
  [['site', '--inventory', 'lba'], 'Unknown inventory `lba`, did you mean `lab`? There are: '],
  [['site', 'M2'], 'Expected one playbook or role, got `site` and `M2`'],
  [
    ['site', '--limit', 'C1'],
    'No task of site is left with these options; --list-tasks lists them',
  ],
  [['broken'], 'playbooks/broken.ts does not load: nobody can load this'],
  [
    ['site', '--inventory', 'wrong'],
    'inventory/wrong.ts: hosts.M1.connection.port: expected an integer 1–65535, got `abc` (string)',
  ],
]

test.concurrent.for(wrong)('%j is refused in words', { timeout }, async ([args, sentence]) => {
  const { stdout, stderr, code } = await tandem(['play', ...args])
  expect(stderr).toContain(sentence)
  expect(stderr).not.toMatch(/^ {4}at /m)
  expect(stdout).toBe('')
  expect(code).toBe(1)
})

test('TANDEM_DEBUG=1 shows where an error comes from', { timeout }, async () => {
  const { stderr } = await tandem(['play', 'broken'], { TANDEM_DEBUG: '1' })
  expect(stderr).toMatch(/^ +at .*broken\.ts/m)
})

test('without words it lists playbooks, roles, and examples that carry the --', {
  timeout,
}, async () => {
  const { stdout, code } = await tandem(['play'])
  expect(stdout).toContain('site    Builds the pair')
  expect(stdout).toContain('broken  (does not load; npm run play broken says why)\n')
  expect(stdout).toContain('preflight heartbeat heartbeat/install heartbeat/configure nfs')
  expect(stdout).toContain('npm run play site -- --check --diff')
  expect(stdout).toContain('Inventories: hang, lab, server, wrong')
  expect(code).toBe(0)
})

test('a role runs as the site has it, after preflight, without any connection to list it', {
  timeout,
}, async () => {
  const { stdout, code } = await tandem(['play', 'heartbeat', '--list-tasks'])
  expect(stdout).toBe(`Proof
  M1, M2
    preflight: release
Heartbeat (one host after another)
  M1
    heartbeat/install: packages
    heartbeat/configure: ha.cf
  M2
    heartbeat/install: packages
    heartbeat/configure: ha.cf
    heartbeat/configure: standby only
`)
  expect(code).toBe(0)
})

test('lists hosts and tags', { timeout }, async () => {
  const hosts = await tandem(['play', 'site', '--list-hosts', '--limit', '!M1'])
  expect(hosts.stdout).toBe('M2  127.0.0.2  nodes\n')
  const tags = await tandem(['play', 'nfs', '--list-tags', '--tags', 'exports,files'])
  expect(tags.stdout).toMatch(/^exports +1 task$/m)
  expect(tags.stdout).toMatch(/^files +1 task$/m)
})

test('the inventory is --inventory, else TANDEM_INVENTORY, else what package.json says', {
  timeout,
}, async () => {
  const env = { TANDEM_INVENTORY: 'none-a', npm_package_config_inventory: 'none-b' }
  const [option, variable, setting] = await Promise.all([
    tandem(['play', 'site', '--inventory', 'none-c'], env),
    tandem(['play', 'site'], env),
    tandem(['play', 'site'], { npm_package_config_inventory: 'none-b' }),
  ])
  expect(option?.stderr).toContain('Unknown inventory `none-c`')
  expect(variable?.stderr).toContain('Unknown inventory `none-a`')
  expect(setting?.stderr).toContain('Unknown inventory `none-b`')
})

test('hosts that do not answer end in a table and exit code 3', { timeout }, async () => {
  const { stdout, code } = await tandem(['play', 'site', '--check', '--output', 'plain'])
  expect(stdout).toMatch(/^M1 {2}unreachable +M1: nothing listens at 127\.0\.0\.1:1$/m)
  expect(stdout).toMatch(/^a host was unreachable \(/m)
  expect(code).toBe(3)
})

test('--output json is JSON alone; listr without a terminal is plain with a note apart', {
  timeout,
}, async () => {
  const json = await tandem(['play', 'site', '--output', 'json'])
  const events = json.stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line).type)
  expect(events).toEqual(['run-start', 'host-unreachable', 'host-unreachable', 'run-end'])
  const listr = await tandem(['play', 'site', '--output', 'listr'])
  expect(listr.stderr).toBe('The output is not a terminal: plain instead of listr\n')
  expect(listr.stdout).not.toContain('\x1b')
})

test('the first SIGINT ends cleanly, the second at once, both with 130', { timeout }, async () => {
  const silent = createServer(() => {})
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve))
  const { port } = silent.address() as { port: number }
  let sent = 0
  const { stdout, code } = await tandem(
    ['play', 'site', '--check', '--inventory', 'hang'],
    { TEST_PORT: String(port) },
    (text, kill) => {
      if (sent === 0 && text.includes('site on')) {
        sent++
        kill('SIGINT')
      } else if (sent === 1 && text.includes('again to stop at once')) {
        sent++
        // Within 300 ms it would count as the same Ctrl-C, handed on by npm.
        setTimeout(() => kill('SIGINT'), 400)
      }
    },
  )
  silent.close()
  expect(stdout).toContain(
    'SIGINT: the run stops after the changes under way; press Ctrl-C again to stop at once',
  )
  expect(stdout).not.toContain('unreachable')
  expect(code).toBe(130)
})
