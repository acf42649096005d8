import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import type { Event, EventBody, Phase } from '../../lib/engine/events.ts'
import { reporter } from '../../lib/report/index.ts'
import { refs, stamped } from './events.ts'
import { Terminal } from './terminal.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

const titles = Array.from({ length: 50 }, (_, index): [string, string] => [
  'drbd/init',
  `t${index}`,
])
const names = Array.from({ length: 500 }, (_, index) => `h${String(index).padStart(3, '0')}`)

/** Where one of 500 hosts is: so many tasks done, and what it is at. */
interface Place {
  readonly done: number
  readonly at?: Phase
  readonly failed?: boolean
}

/** The events that bring each host of a play to its place. */
function fleet(place: (index: number) => Place): Event[] {
  const bodies = names.flatMap((host, index) => {
    const { done, at, failed } = place(index)
    const id = (task: number) => `0/${host}/${task}`
    const events = titles.slice(0, done).flatMap((_, task): EventBody[] => [
      { type: 'task-start', host, task: id(task), phase: 'check' },
      { type: 'task-end', host, task: id(task), status: 'ok', ms: 1 },
    ])
    if (at) events.push({ type: 'task-start', host, task: id(done), phase: at })
    if (failed) {
      const why = { status: 'failed', reason: 'disk full\nno space left' } as const
      events.push({ type: 'task-end', host, task: id(done), ...why, ms: 1 })
    }
    return events
  })
  return stamped(
    { type: 'run-start', playbook: 'site', inventory: 'fleet', check: false, hosts: names },
    {
      type: 'play-start',
      play: '0',
      title: 'All',
      hosts: names.map((host) => ({ host, tasks: refs(host, ...titles) })),
    },
    ...bodies,
  )
}

/** The last frame of a terminal of 24 rows, and how often it was written to. */
async function shown(events: readonly Event[], columns = 80) {
  const terminal = new Terminal(columns, 24)
  const { listener, end } = reporter('listr', {
    stdout: terminal,
    columns,
    rows: 24,
    isTTY: true,
    diff: false,
    verbose: false,
  })
  for (const event of events) listener(event)
  await vi.advanceTimersByTimeAsync(1000)
  const text = terminal.text.replaceAll(/[⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏]/g, '*')
  const { writes, widest } = terminal
  await end()
  return { frame: text.trimEnd().split('\n').slice(1), writes, widest }
}

test('500 hosts fit into 24 rows: sums, the failed, those that change, those that check', async () => {
  const { frame, widest } = await shown(
    fleet((index) => {
      if (index < 120) return { done: 50 }
      if (index === 250) return { done: 3, at: 'apply', failed: true }
      if (index === 300) return { done: 20, at: 'apply' }
      if (index === 301) return { done: 21, at: 'recheck' }
      if (index === 302) return { done: 22, at: 'wait' }
      return index < 150 ? { done: 7, at: 'check' } : { done: index < 400 ? 10 : 0 }
    }),
  )
  expect(frame.length).toBe(23)
  expect(widest).toBeLessThan(80)
  expect(frame.slice(0, 8).join('\n')).toMatchInlineSnapshot(`
    "== All
      500 hosts: 120 done, 1 failed, 2 changing, 30 checking, 347 waiting
      tasks: 8736 ok, 1 failed
    ✖ h250  3 ok, 1 failed  4/50  drbd/init: t3: disk full
    * h300  20 ok  20/50  changing  drbd/init: t20
    * h301  21 ok  21/50  proving  drbd/init: t21
    * h120  7 ok  7/50  checking  drbd/init: t7
    * h121  7 ok  7/50  checking  drbd/init: t7"
  `)
  expect(frame.at(-2)).toContain('h135')
  expect(frame.at(-1)).toBe('  and 14 more at work or failed')
})

test('hosts that wait or are done take no row', async () => {
  const { frame } = await shown(fleet((index) => ({ done: index % 2 === 0 ? 50 : 30 })))
  expect(frame).toEqual(['== All', '  500 hosts: 250 done, 250 waiting', '  tasks: 20000 ok'])
})

test('many that failed do not hide the work that goes on', async () => {
  const { frame } = await shown(
    fleet((index) => ({ done: 1, at: 'apply', failed: index < 400 && index > 0 })),
  )
  expect(frame.length).toBe(23)
  expect(frame.filter((line) => line.includes('✖'))).toHaveLength(10)
  expect(frame.filter((line) => line.includes('changing  drbd'))).toHaveLength(9)
  expect(frame.at(-1)).toBe('  and 481 more at work or failed')
})

test('with little work the failed have the room', async () => {
  const { frame } = await shown(
    fleet((index) => ({ done: 1, at: 'apply', failed: index !== 0 })),
    40,
  )
  expect(frame.filter((line) => line.includes('✖'))).toHaveLength(18)
  expect(frame.filter((line) => line.startsWith('* h000'))).toHaveLength(1)
})

test('a flood of events draws ten frames a second, not one an event', async () => {
  const { writes } = await shown(fleet(() => ({ done: 50 })))
  expect(writes).toBeLessThan(20)
})
