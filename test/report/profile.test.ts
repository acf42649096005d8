import { expect, test } from 'vitest'
import type { Event } from '../../lib/engine/events.ts'
import { busy, Profile, type ProfileTimes } from '../../lib/report/profile.ts'
import { at, done, end, fleet, pair, processStart, start } from './profile-events.ts'

function measured(events: readonly Event[]): ProfileTimes {
  const profile = new Profile(processStart)
  for (const event of events) profile.add(event)
  return profile.times()
}

/** Every host's parts must add up to the time the hosts took, and all to the whole. */
function expectAdditive({ ms, hosts, tasks }: ProfileTimes): void {
  expect(ms.startUp + ms.hosts + ms.closing).toBeCloseTo(ms.total, 1)
  for (const host of hosts) {
    expect(busy(host) + host.wait + host.rest, host.host).toBeCloseTo(ms.hosts, 1)
    expect(host.rest, host.host).toBeGreaterThanOrEqual(0)
    const own = tasks.filter((task) => task.host === host.host)
    for (const part of ['check', 'apply', 'recheck'] as const) {
      expect(own.reduce((sum, task) => sum + task[part], 0)).toBeCloseTo(host[part], 1)
    }
  }
}

test('each moment of a host is booked once: connect, wait, check, apply, recheck, rest', () => {
  const times = measured(pair)
  expectAdditive(times)
  expect(times.ms).toEqual({ total: 742, startUp: 400, hosts: 330, closing: 12 })
  expect(times.hosts).toEqual([
    {
      host: 'M1',
      connect: 100,
      check: 1.25 + 8.75 + 20,
      wait: 60 + 30,
      apply: 100,
      recheck: 10,
      rest: 0,
    },
    // 90 before its connection began, 10 until the play, 147 at the barrier.
    { host: 'M2', connect: 60, check: 4, wait: 90 + 10 + 147, apply: 0, recheck: 0, rest: 19 },
  ])
  expect(times.tasks.find(({ task }) => task === '0/M1/1')).toEqual({
    host: 'M1',
    task: '0/M1/1',
    role: 'role',
    title: 'two',
    check: 8.75,
    wait: 30,
    apply: 100,
    recheck: 10,
  })
  expect(times.tasks.map(({ task }) => task)).not.toContain('0/M2/1')
})

test('a task that never ended was at work to the end of the run', () => {
  const cut = [...pair.slice(0, 13), end(1000, 130)]
  const times = measured(cut)
  expectAdditive(times)
  expect(times.ms).toMatchObject({ hosts: 1000, closing: 0 })
  expect(times.hosts[0]).toMatchObject({ apply: 800, recheck: 0 })
  expect(times.hosts[1]).toMatchObject({ rest: 1000 - 163 })
})

test('an engine that sent no run-end leaves what was seen', () => {
  const times = measured(pair.slice(0, 13))
  expectAdditive(times)
  expect(times.ms.hosts).toBe(250)
  expectAdditive(measured([]))
})

test('a host that cannot be reached spent its time connecting, one without tasks waits', () => {
  const times = measured([
    start(['M1', 'M2']),
    at(80, { type: 'host-connected', host: 'M1', ms: 80 }),
    at(2000, { type: 'host-unreachable', host: 'M2', error: 'refused' }),
    end(2005, 3),
  ])
  expectAdditive(times)
  expect(times.ms.closing).toBe(5)
  expect(times.tasks).toEqual([])
  expect(times.hosts.map(({ connect, rest }) => [connect, rest])).toEqual([
    [80, 1920],
    [2000, 0],
  ])
})

test('a host lost in the middle of a task loses no time', () => {
  const times = measured([
    ...pair.slice(0, 13),
    done(400, '0/M1/1', 'failed'),
    at(402, { type: 'host-unreachable', host: 'M1', error: 'gone' }),
    end(410, 3),
  ])
  expectAdditive(times)
  expect(times.hosts[0]).toMatchObject({ connect: 100, apply: 200, rest: 2 })
})

test('500 hosts add up too', () => {
  expectAdditive(measured(fleet(500)))
})
