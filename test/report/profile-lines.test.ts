import { expect, test } from 'vitest'
import type { Event } from '../../lib/engine/events.ts'
import { type ReportKind, type ReportOptions, reporter } from '../../lib/report/index.ts'
import { Profile } from '../../lib/report/profile.ts'
import { began, end, fleet, pair, processStart, start } from './profile-events.ts'
import { Terminal } from './terminal.ts'

async function report(
  kind: ReportKind,
  events: readonly Event[],
  options: Partial<ReportOptions> = {},
): Promise<string> {
  let text = ''
  const { listener, end: ended } = reporter(kind, {
    stdout: { write: (piece) => (text += piece) },
    columns: 80,
    isTTY: false,
    diff: false,
    verbose: false,
    profile: { processStart },
    ...options,
  })
  for (const event of events) listener(event)
  await ended()
  return text
}

test('plain and the live tree end with the tables, after the recap', async () => {
  const plain = await report('plain', pair)
  const tables = plain.slice(plain.indexOf('converged'))
  expect(tables).toMatchInlineSnapshot(`
    "converged (0.3 s)

    time in ms: 742.0 = 400.0 start-up + 330.0 hosts + 12.0 closing

     busy  connect  check  apply  recheck   wait  rest  host
    240.0    100.0   30.0  100.0     10.0   90.0     -  M1
     64.0     60.0    4.0      -        -  247.0  19.0  M2

     busy  check  apply  recheck   wait  task
    118.8    8.8  100.0     10.0   30.0  M1  role: two
     20.0   20.0      -        -      -  M1  role: three
      3.0    3.0      -        -   10.0  M2  role: one
      1.3    1.3      -        -   60.0  M1  role: one
      1.0    1.0      -        -  147.0  M2  role: three
    "
  `)
  const terminal = new Terminal(80, 24)
  await report('listr', pair, { stdout: terminal, isTTY: true })
  expect(terminal.text.trimEnd()).toMatch(/^converged/m)
  expect(terminal.text.slice(terminal.text.indexOf('converged')).trimEnd()).toBe(tables.trimEnd())
})

test('json ends with one more line, type profile', async () => {
  const lines = (await report('json', pair)).trimEnd().split('\n')
  expect(lines).toHaveLength(pair.length + 1)
  const profile = new Profile(processStart)
  for (const event of pair) profile.add(event)
  expect(JSON.parse(lines.at(-1) ?? '')).toEqual({ type: 'profile', ...profile.times() })
})

test.for([
  [130, 'interrupted'],
  [2, 'failed'],
] as const)('a run that ended with %i has its profile too', async ([code, word]) => {
  const events = [...pair.slice(0, 13), end(1000, code)]
  const plain = await report('plain', events)
  expect(plain.indexOf('time in ms: 1400.0')).toBeGreaterThan(plain.indexOf(word))
  expect(plain).toMatch(/M1 {2}role: two$/m)
  const json = (await report('json', events)).trimEnd().split('\n')
  expect(JSON.parse(json.at(-1) ?? '')).toMatchObject({ type: 'profile', ms: { hosts: 1000 } })
})

test('a run that came to no task has no table of tasks, one without hosts none', async () => {
  const alone = [start(['M1']), end(50)]
  expect(await report('plain', alone)).toMatch(/rest {2}host\n.* {2}M1\n$/)
  expect(await report('plain', [start([]), end(50)])).toMatch(/closing\n$/)
})

test('without the option nothing is added', async () => {
  const lines: string[] = []
  const stdout = { write: (text: string) => lines.push(text) }
  const options = { stdout, columns: 80, isTTY: false, diff: false, verbose: false }
  const { listener, end: ended } = reporter('plain', options)
  for (const event of pair) listener(event)
  await ended()
  expect(lines.join('')).toMatch(/converged \(.*\)\n$/)
})

test('500 hosts take few lines: the slowest, then the others summed', async () => {
  const text = await report('plain', fleet(500))
  const lines = text.slice(text.indexOf('time in')).trimEnd().split('\n')
  expect(lines.length).toBeLessThan(36)
  expect(lines.slice(2, 4).join('\n')).toMatchInlineSnapshot(`
    " busy  connect  check  apply  recheck  wait   rest  host
    285.5     10.0  275.5      -        -     -      -  host499"
  `)
  expect(lines.slice(13, 19).join('\n')).toMatchInlineSnapshot(`
    "168.7     10.0  158.7      -        -     -  117.3  490 other hosts, median
    280.9     10.0  270.9      -        -     -  229.5  490 other hosts, most

       busy    check  apply  recheck  wait  task
        6.0      6.0      -        -     -  host499  role: task 0  (slowest of 500)
        6.0      6.0      -        -     -  host499  role: task 1  (slowest of 500)"
  `)
  expect(lines.at(-1)).toMatch(/ {2}22985 other tasks$/)
})

test('on a terminal no line is wider than it', async () => {
  const terminal = new Terminal(60, 24)
  await report('plain', fleet(50), { stdout: terminal, columns: 60, isTTY: true })
  const text = terminal.text.slice(terminal.text.indexOf('time in'))
  expect(Math.max(...text.split('\n').map((line) => [...line].length))).toBe(60)
})

test('a run of minutes is in seconds', async () => {
  const slow = pair.map((event) => ({ ...event, at: began + (event.at - began) * 1000 }))
  const text = await report('plain', slow)
  expect(text).toContain('time in s: 342.40 = 0.40 start-up + 330.00 hosts + 12.00 closing')
})
