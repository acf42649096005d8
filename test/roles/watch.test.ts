import { describe, expect, it } from 'vitest'
import { parseWatch, watchProblems } from '../../roles/verify/watch.ts'

const notes = (beat: string, state: string, acts = '') =>
  `--- uptime\n5000.12 9000.00\n--- beat\n${beat}--- state\n${state}\n--- acts\n${acts}`

describe('what the watch left behind', () => {
  it.each([
    ['content', notes('4998\n', 'ok'), []],
    ['idle on the standby', notes('4990\n', 'idle'), []],
    [
      'never started',
      '--- uptime\n5000.12 9000.00\n--- beat\n--- state\n--- acts\n',
      [/does not check the service \(it never did\)/],
    ],
    ['hanging', notes('4100\n', 'ok'), [/the last time 900 s ago/]],
    [
      'gave up',
      notes('4998\n', 'gave up: nfsd has no threads; heartbeat does not run on the peer'),
      [/^the watch gave up: nfsd has no threads/],
    ],
    ['one restart is its job', notes('4998\n', 'ok', '4900 restart nfsd has no threads\n'), []],
    [
      'restarts again and again',
      notes('4998\n', 'ok', '4800 restart nfsd has no threads\n4900 restart nfsd has no threads\n'),
      [/2 times in the last 10 minutes: nfsd has no threads$/],
    ],
    ['long ago', notes('4998\n', 'ok', '4000 restart a\n4100 restart b\n'), []],
    [
      'handed over',
      notes('4998\n', 'idle', '4400 standby /data is read-only\n'),
      [/handed the service over 10 min ago: \/data is read-only/],
    ],
  ])('%s', (_, text, wanted) => {
    const found = watchProblems(parseWatch(text))
    expect(found).toHaveLength(wanted.length)
    for (const [at, pattern] of wanted.entries()) expect(found[at]).toMatch(pattern)
  })

  it('throws on what it cannot read', () => {
    expect(() => parseWatch('')).toThrow(/uptime/)
    expect(() => parseWatch(notes('soon\n', 'ok'))).toThrow(/no time in `soon`/)
  })
})
