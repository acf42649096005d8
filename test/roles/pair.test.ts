import { describe, expect, it } from 'vitest'
import { clockOffset } from '../../roles/base/clock.ts'
import { missingAddresses, parseAddresses } from '../../roles/preflight/addresses.ts'
import { type NodeReport, pairProblems } from '../../roles/verify/cluster.ts'

const serving: NodeReport = {
  name: 'M1',
  role: 'Primary',
  active: true,
  parts: {
    mounted: true,
    stateMounted: undefined,
    threads: 8,
    vip: true,
    marked: true,
    missing: [],
    exportsCurrent: true,
  },
}
const standby: NodeReport = {
  name: 'M2',
  role: 'Secondary',
  active: false,
  parts: {
    mounted: false,
    stateMounted: undefined,
    threads: 0,
    vip: false,
    marked: false,
    missing: ['nfsdcld', 'rpc.mountd'],
    exportsCurrent: false,
  },
}
const problems = (one: NodeReport, two: NodeReport) =>
  pairProblems([one, two], '192.168.0.219', '/data')
const without = (node: NodeReport, parts: Partial<NodeReport['parts']>): NodeReport => ({
  ...node,
  parts: { ...node.parts, ...parts },
})

describe('what is wrong with a pair', () => {
  it('says nothing of a pair that serves on one node', () => {
    expect(problems(serving, standby)).toEqual([])
    expect(problems({ ...standby, name: 'M1' }, { ...serving, name: 'M2' })).toEqual([])
  })

  it.each([
    [
      'a lost address',
      without(serving, { vip: false }),
      standby,
      ['address 192.168.0.219: expected on M1 only, got no node'],
    ],
    [
      'the address on both',
      serving,
      without(standby, { vip: true }),
      ['address 192.168.0.219: expected on M1 only, got M1 and M2'],
    ],
    [
      'a stopped nfsd',
      without(serving, { threads: 0 }),
      standby,
      ['nfsd: expected on M1 only, got no node'],
    ],
    [
      'nfsd on the standby',
      serving,
      without(standby, { threads: 8 }),
      ['nfsd: expected on M1 only, got M1 and M2'],
    ],
    [
      'two Primaries',
      serving,
      { ...standby, role: 'Primary' },
      ['DRBD Primary: expected on M1 only, got M1 and M2'],
    ],
    [
      'old exports',
      without(serving, { exportsCurrent: false }),
      standby,
      ['M1: the running exports are not those of /etc/exports'],
    ],
    [
      'no active node',
      { ...serving, active: false },
      standby,
      ['expected one active node, got none'],
    ],
  ])('names %s and nothing else', (_, one, two, wanted) => {
    expect(problems(one, two)).toEqual(wanted)
  })
})

describe('the address plan', () => {
  const plan = [
    { device: 'em1', address: '192.168.0.210', prefix: 24 },
    { device: 'em2', address: '172.16.0.210', prefix: 24 },
  ]
  const found = (text: string) => missingAddresses(plan, parseAddresses(text))

  it('is content with what it asks for, whatever else there is', () => {
    expect(
      found(
        '1: lo    inet 127.0.0.1/8 scope host lo\\       valid_lft forever\n2: em1    inet 192.168.0.210/24 brd 192.168.0.255 scope global em1\n2: em1    inet 192.168.0.219/24 scope global secondary em1\n3: em2    inet 172.16.0.210/24 scope global em2\n',
      ),
    ).toEqual([])
  })

  it('says what it expected and what it got', () => {
    expect(
      found(
        '2: em1    inet 192.168.0.210/16 scope global em1\n4: em3    inet 172.16.0.210/24 scope global em3\n',
      ),
    ).toEqual([
      'expected 192.168.0.210/24 on em1, got 192.168.0.210/16',
      'expected 172.16.0.210/24 on em2, got no address (172.16.0.210 is on em3)',
    ])
  })
})

describe('the clock', () => {
  it('reads the offset, and nothing while not synchronised', () => {
    const fields = (leap: string) =>
      `C0A800DC,192.168.0.220,9,1763816400.1,-0.000012,0.000012,0.00001,-1.2,0.1,0.01,0.0001,0.002,64.2,${leap}\n`
    expect(clockOffset(fields('Normal'))).toBe(-0.000012)
    expect(clockOffset(fields('Not synchronised'))).toBeUndefined()
    expect(() => clockOffset('506 Cannot talk to daemon')).toThrow(/14 fields/)
  })
})
