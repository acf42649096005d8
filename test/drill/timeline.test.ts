import { expect, it } from 'vitest'
import { timelineOf } from '../../lib/drill/timeline.ts'
import type { PairState } from '../../playbooks/drills/pair/state.ts'
import { pairSystem } from '../../playbooks/drills/pair/system.ts'
import { active, idle, plan } from './fake.ts'

const look = (askedAt: number, at: number, serving: string): PairState => ({
  askedAt,
  at,
  nodes: ['M1', 'M2'].map((name) => (name === serving ? active(name) : idle(name))),
})

it('draws from marks where there are any, from looks elsewhere', () => {
  const { lanes, marks, acknowledged } = timelineOf(pairSystem(plan), {
    from: 0,
    to: 9_000,
    looks: [
      look(0, 100, 'M1'),
      // Under load a look takes its time: what it saw first is old when its last answer comes.
      look(2_000, 4_000, 'none'),
      look(5_000, 6_000, 'M2'),
    ],
    marks: [
      { node: 'M1', at: 2_500, event: 'vip-down' },
      { node: 'M2', at: 3_500, event: 'promoted' },
      { node: 'M2', at: 5_500, event: 'vip-up' },
      { node: 'M2', at: 5_600, event: 'grace-began' },
    ],
    notes: [
      { at: 1_000, text: 'fault: M1 is asked to stand by' },
      { at: 99_000, text: 'after the last acknowledgement' },
    ],
    operations: [
      { work: 'create', sequence: 1, beganMs: 1, endedMs: 2, outcome: 'ok' },
      { work: 'create', sequence: 2, beganMs: 3, endedMs: undefined, outcome: 'indeterminate' },
      { work: 'create', sequence: 3, beganMs: 3, endedMs: 4, outcome: 'fail', error: 'EIO' },
      { work: 'lock', sequence: 1, beganMs: 1, endedMs: 3, outcome: 'ok' },
    ],
  })
  expect(lanes).toEqual([
    { title: 'M1 DRBD Primary', spans: [{ from: 0, to: 100 }] },
    { title: 'M1 nfsd', spans: [{ from: 0, to: 100 }] },
    { title: 'M1 VIP', spans: [{ from: 0, to: 2_500 }] },
    { title: 'M2 DRBD Primary', spans: [{ from: 3_500, to: 9_000 }] },
    { title: 'M2 nfsd', spans: [{ from: 6_000, to: 9_000 }] },
    { title: 'M2 VIP', spans: [{ from: 5_500, to: 9_000 }] },
  ])
  expect(marks.map(({ text }) => text)).toEqual([
    'fault: M1 is asked to stand by',
    'M2 grace began',
  ])
  expect(acknowledged).toEqual({ create: [2], lock: [3] })
})
