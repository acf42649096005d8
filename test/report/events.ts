import type { Event, EventBody, TaskRef } from '../../lib/engine/events.ts'

/** Fixed, so that times in snapshots are too. */
const began = 1_700_000_000_000

/** Stamps events: a body alone is 100 ms after the one before it, a number before it says otherwise. */
export function stamped(...bodies: readonly (EventBody | number)[]): Event[] {
  let at = began
  let step = 100
  const events: Event[] = []
  for (const body of bodies) {
    if (typeof body === 'number') step = body
    else {
      at += step
      step = 100
      events.push({ at, ...body } as Event)
    }
  }
  return events
}

/** Tasks of a host with ids as the engine gives them. */
export function refs(host: string, ...names: readonly [role: string, title: string][]): TaskRef[] {
  return names.map(([role, title], index) => ({ id: `0/${host}/${index}`, role, title, tags: [] }))
}

const names: readonly [string, string][] = [
  ['preflight', 'release'],
  ['heartbeat/configure', 'ha.cf'],
  ['heartbeat/configure', 'authkeys'],
  ['drbd/sync', 'r0 in sync'],
]

const recap = {
  ok: 1,
  changed: 2,
  wouldChange: 0,
  unknown: 0,
  skipped: 1,
  failed: 0,
  refused: 0,
  unreachable: false,
}

const connected = stamped(
  {
    type: 'run-start',
    playbook: 'site',
    inventory: 'lab',
    check: false,
    hosts: ['M1', 'M2'],
  },
  { type: 'host-connected', host: 'M1', ms: 80 },
  { type: 'host-connected', host: 'M2', ms: 90 },
)

/** A first run on two hosts, up to the middle of a resync and a failure on M2. */
export const underWay: readonly Event[] = stamped(
  ...connected.map(({ at: _, ...body }) => body as EventBody),
  {
    type: 'play-start',
    play: '0',
    title: 'Heartbeat and DRBD',
    hosts: [
      { host: 'M1', tasks: refs('M1', ...names) },
      { host: 'M2', tasks: refs('M2', ...names) },
    ],
  },
  { type: 'task-start', host: 'M1', task: '0/M1/0', phase: 'check' },
  { type: 'task-start', host: 'M2', task: '0/M2/0', phase: 'check' },
  { type: 'task-end', host: 'M1', task: '0/M1/0', status: 'ok', ms: 40 },
  { type: 'task-end', host: 'M2', task: '0/M2/0', status: 'ok', ms: 50 },
  { type: 'task-start', host: 'M1', task: '0/M1/1', phase: 'apply' },
  {
    type: 'task-end',
    host: 'M1',
    task: '0/M1/1',
    status: 'changed',
    change: {
      summary: '/etc/ha.d/ha.cf differs',
      diff: {
        path: '/etc/ha.d/ha.cf',
        before: 'a\nb\nc\nd\nkeepalive 2\ne\n',
        after: 'a\nb\nc\nd\nkeepalive 1\ndeadtime 10\ne\n',
      },
    },
    ms: 800,
  },
  {
    type: 'task-end',
    host: 'M1',
    task: '0/M1/2',
    status: 'changed',
    change: {
      summary: 'no /etc/ha.d/authkeys',
      diff: { path: '/etc/ha.d/authkeys', before: undefined, after: 'sha1 hunter2', secret: true },
    },
    ms: 300,
  },
  { type: 'task-start', host: 'M2', task: '0/M2/1', phase: 'apply' },
  {
    type: 'task-end',
    host: 'M2',
    task: '0/M2/1',
    status: 'failed',
    reason: 'tee: /etc/ha.d/ha.cf: Read-only file system\x1b[2J\ncommand: tee /etc/ha.d/ha.cf',
    where: 'roles/heartbeat/index.ts:12',
    ms: 12_400,
  },
  { type: 'notice', host: 'M1', text: 'waits for M2' },
  { type: 'task-start', host: 'M1', task: '0/M1/3', phase: 'apply' },
  { type: 'task-progress', host: 'M1', task: '0/M1/3', text: '12 MB/s', fraction: 0.101 },
  1000,
  { type: 'task-progress', host: 'M1', task: '0/M1/3', text: '11 MB/s', fraction: 0.2 },
  5000,
  { type: 'task-progress', host: 'M1', task: '0/M1/3', text: '13 MB/s', fraction: 0.439 },
)

/** The end of that run. */
export const ended: readonly Event[] = [
  { type: 'task-end', host: 'M1', task: '0/M1/3', status: 'skipped', reason: 'tag', ms: 0 },
  { type: 'play-end', play: '0' },
  {
    type: 'run-end',
    recap: [
      { ...recap, host: 'M1', ms: 8_400 },
      { ...recap, host: 'M2', changed: 0, skipped: 0, failed: 1, ms: 74_000 },
    ],
    exitCode: 2,
    ms: 75_000,
  },
].map((body) => ({ at: began + 80_000, ...body }) as Event)

/** A check of two hosts, one of which does not answer. */
export const checked: readonly Event[] = stamped(
  { type: 'run-start', playbook: 'site', inventory: 'lab', check: true, hosts: ['M1', 'M2'] },
  { type: 'host-connected', host: 'M1', ms: 80 },
  { type: 'host-unreachable', host: 'M2', error: 'connect ECONNREFUSED 127.0.0.1:2202' },
  {
    type: 'play-start',
    play: '0',
    title: 'Heartbeat',
    hosts: [{ host: 'M1', tasks: refs('M1', ...names) }],
  },
  {
    type: 'task-end',
    host: 'M1',
    task: '0/M1/1',
    status: 'would-change',
    change: { summary: '/etc/ha.d/ha.cf differs' },
    ms: 30,
  },
  {
    type: 'task-end',
    host: 'M1',
    task: '0/M1/3',
    status: 'unknown',
    reason: 'depends on ha.cf',
    ms: 10,
  },
  { type: 'play-end', play: '0' },
  {
    type: 'run-end',
    recap: [
      { ...recap, host: 'M1', changed: 0, wouldChange: 1, unknown: 1, ms: 240 },
      { ...recap, host: 'M2', ok: 0, changed: 0, skipped: 0, unreachable: true, ms: 0 },
    ],
    exitCode: 3,
    ms: 900,
  },
)
