import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import type { Event } from '../../lib/engine/events.ts'
import { reporter } from '../../lib/report/index.ts'
import { checked, ended, stamped, underWay } from './events.ts'
import { Terminal } from './terminal.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

function started(terminal: Terminal, rows: number, options: { diff?: boolean } = {}) {
  return reporter('listr', {
    stdout: terminal,
    columns: terminal.columns,
    rows,
    isTTY: true,
    diff: false,
    verbose: false,
    ...options,
  })
}

async function feed(events: readonly Event[], listener: (event: Event) => void): Promise<void> {
  for (const event of events) listener(event)
  await vi.advanceTimersByTimeAsync(1000)
}

test('a run under way shows each host, the task it is at, and what changed or failed', async () => {
  const terminal = new Terminal(80, 24)
  const { listener } = started(terminal, 24)
  await feed(underWay, listener)
  expect(terminal.text.replaceAll(/[⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏]/g, '*')).toMatchInlineSnapshot(`
    "site on lab
    M1  waits for M2
    == Heartbeat and DRBD
    * M1  1 ok, 2 changed  3/4
        ● changed  heartbeat/configure: ha.cf  (0.8 s)
        ● changed  heartbeat/configure: authkeys  (0.3 s)
        * changing  drbd/sync: r0 in sync: 43 % 13 MB/s
    ✖ M2  1 ok, 1 failed  2/4
        ✖ failed  heartbeat/configure: ha.cf: tee: /etc/ha.d/ha.cf: Read-only file…
    "
  `)
  expect(terminal.widest).toBeLessThan(80)
})

test('a disruptive task that waits for its turn says so', async () => {
  const terminal = new Terminal(80, 24)
  const waits = { type: 'task-start', host: 'M1', task: '0/M1/3', phase: 'wait' } as const
  await feed([...underWay.slice(0, -6), ...stamped(waits)], started(terminal, 24).listener)
  expect(terminal.text).toMatch(/^ {4}. waiting for its turn {2}drbd\/sync: r0 in sync$/m)
})

test('a run that has ended leaves a summary that stays', async () => {
  const terminal = new Terminal(80, 24)
  const { listener, end } = started(terminal, 24, { diff: true })
  await feed([...underWay, ...ended], listener)
  await end()
  expect(terminal.text).toMatchInlineSnapshot(`
    "site on lab
    M1  waits for M2
    == Heartbeat and DRBD
    ✔ M1  1 ok, 2 changed, 1 skipped  (1 min 20 s)
        ● changed  heartbeat/configure: ha.cf  (0.8 s)
          --- /etc/ha.d/ha.cf
          +++ /etc/ha.d/ha.cf
          @@ -2,5 +2,6 @@
           b
           c
           d
          -keepalive 2
          +keepalive 1
          +deadtime 10
           e
        ● changed  heartbeat/configure: authkeys  (0.3 s)
          /etc/ha.d/authkeys: (secret, not shown)
    ✖ M2  1 ok, 1 failed  (0.7 s)
        ✖ failed  heartbeat/configure: ha.cf: tee: /etc/ha.d/ha.cf: Read-only file system\\x1b[2J  (12 s)
          command: tee /etc/ha.d/ha.cf
          at roles/heartbeat/index.ts:12

    host  ok  changed  failed  skipped        time
    M1     1        2       0        1       8.4 s
    M2     1        0       1        0  1 min 14 s
    failed (1 min 15 s)
    "
  `)
})

test('an unreachable host ends in the summary', async () => {
  const terminal = new Terminal(80, 24)
  const { listener, end } = started(terminal, 24)
  await feed(checked, listener)
  await end()
  expect(terminal.text).toMatchInlineSnapshot(`
    "site on lab, check only: changes nothing
    ✖ unreachable  M2  connect ECONNREFUSED 127.0.0.1:2202
    == Heartbeat
    - M1  1 would-change, 1 unknown  (0.1 s)
        ○ would-change  heartbeat/configure: ha.cf: /etc/ha.d/ha.cf differs  (0.0 s)
        ? unknown  drbd/sync: r0 in sync: depends on ha.cf  (0.0 s)

    host  ok  would change  unknown  failed  skipped   time
    M1     1             1        1       0        1  0.2 s
    M2     0             0        0       0        0  unreachable
    a host was unreachable (0.9 s)
    "
  `)
})

test('a narrow terminal cuts lines instead of wrapping them', async () => {
  const terminal = new Terminal(40, 24)
  await feed(underWay, started(terminal, 24).listener)
  const frame = terminal.text.slice(terminal.text.indexOf('=='))
  expect(Math.max(...frame.split('\n').map((line) => line.length))).toBeLessThan(40)
})

test('ends also where the engine threw and sent no ends', async () => {
  const terminal = new Terminal(80, 24)
  const { listener, end } = started(terminal, 24)
  await feed(underWay, listener)
  await end()
  const before = terminal.writes
  await vi.advanceTimersByTimeAsync(1000)
  expect(terminal.writes).toBe(before)
  expect(terminal.text).toContain('✖ M2')
})
