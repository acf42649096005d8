import { expect, test } from 'vitest'
import type { Event } from '../../lib/engine/events.ts'
import { type ReportKind, type ReportOptions, reporter } from '../../lib/report/index.ts'
import { checked, ended, underWay } from './events.ts'

async function report(
  kind: ReportKind,
  events: readonly Event[],
  options: Partial<ReportOptions> = {},
): Promise<string> {
  let text = ''
  const { listener, end } = reporter(kind, {
    stdout: { write: (piece) => (text += piece) },
    columns: 80,
    isTTY: false,
    diff: false,
    verbose: false,
    ...options,
  })
  for (const event of events) listener(event)
  await end()
  return text
}

const run = [...underWay, ...ended]

test('plain names what changed and failed, and counts the rest', async () => {
  expect(await report('plain', run)).toMatchInlineSnapshot(`
    "site on lab
    == Heartbeat and DRBD
    M1  changed       heartbeat/configure: ha.cf: /etc/ha.d/ha.cf differs  (0.8 s)
    M1  changed       heartbeat/configure: authkeys: no /etc/ha.d/authkeys  (0.3 s)
    M2  failed        heartbeat/configure: ha.cf: tee: /etc/ha.d/ha.cf: Read-only file system\\x1b[2J (roles/heartbeat/index.ts:12)  (12 s)
        command: tee /etc/ha.d/ha.cf
    M1  note          waits for M2
    M1  progress      drbd/sync: r0 in sync: 10 % 12 MB/s
    M1  progress      drbd/sync: r0 in sync: 43 % 13 MB/s

    host  ok  changed  failed  skipped        time
    M1     1        2       0        1       8.4 s
    M2     1        0       1        0  1 min 14 s
    failed (1 min 15 s)
    "
  `)
})

test('plain with --verbose names every task', async () => {
  const text = await report('plain', run, { verbose: true })
  expect(text).toContain('M1  ok            preflight: release  (0.0 s)')
  expect(text).toContain('M2  connected')
  expect(text).toContain('skipped')
})

test('plain with --diff shows a unified diff, and of a secret nothing but its path', async () => {
  const text = await report('plain', run, { diff: true })
  expect(text).toContain(`    --- /etc/ha.d/ha.cf
    +++ /etc/ha.d/ha.cf
    @@ -2,5 +2,6 @@
     b
     c
     d
    -keepalive 2
    +keepalive 1
    +deadtime 10
     e
`)
  expect(text).toContain('/etc/ha.d/authkeys: (secret, not shown)')
  expect(text).not.toContain('hunter2')
})

test('plain in check mode says what would change and what cannot be told', async () => {
  expect(await report('plain', checked)).toMatchInlineSnapshot(`
    "site on lab, check only: changes nothing
    M2  unreachable   connect ECONNREFUSED 127.0.0.1:2202
    == Heartbeat
    M1  would-change  heartbeat/configure: ha.cf: /etc/ha.d/ha.cf differs  (0.0 s)
    M1  unknown       drbd/sync: r0 in sync: depends on ha.cf  (0.0 s)

    host  ok  would change  unknown  failed  skipped   time
    M1     1             1        1       0        1  0.2 s
    M2     0             0        0       0        0  unreachable
    a host was unreachable (0.9 s)
    "
  `)
})

test('plain is coloured on a terminal only, and not where colour is turned off', async () => {
  expect(await report('plain', run)).not.toContain('\x1b')
  expect(await report('plain', run, { isTTY: true })).toContain('\x1b[33mchanged')
  expect(await report('plain', run, { isTTY: true, colour: false })).not.toContain('\x1b')
})

test('control characters of a host never reach the terminal', async () => {
  for (const kind of ['plain', 'json', 'listr'] as const) {
    expect(await report(kind, run, { isTTY: true })).not.toContain('\x1b[2J')
  }
})

test('json is one event a line, without the texts of secrets', async () => {
  const text = await report('json', run, { diff: true })
  const lines = text.trimEnd().split('\n')
  const parsed = lines.map((line) => JSON.parse(line))
  expect(lines).toHaveLength(run.length)
  expect(parsed[0]).toEqual(run[0])
  expect(parsed.at(-1)).toEqual(run.at(-1))
  expect(text).not.toContain('hunter2')
  const secret = parsed.find(({ task, type }) => task === '0/M1/2' && type === 'task-end')
  expect(secret.change.diff).toEqual({ path: '/etc/ha.d/authkeys', secret: true })
})

test('json holds what events promise, and nothing else an engine hands along', async () => {
  const play = underWay.find(({ type }) => type === 'play-start') as Event & { type: 'play-start' }
  const carrying = {
    ...play,
    hosts: play.hosts.map((host) => ({
      ...host,
      tasks: host.tasks.map((task) => ({ ...task, task: { password: 'hunter2' } })),
    })),
  }
  expect(JSON.parse(await report('json', [carrying]))).toEqual(play)
})
