import { describe, expect, it } from 'vitest'
import { answering, parseLook } from '../../playbooks/drills/pair/look.ts'
import {
  notWhole,
  type PairState,
  servingOf,
  superfluous,
  unsafe,
} from '../../playbooks/drills/pair/state.ts'
import { active, idle, plan } from './fake.ts'

const said = `--- drbd
version: 8.4.11 (api:1/proto:86-101)
srcversion: B438804C5AE8C84C95D0411
 0: cs:Connected ro:Primary/Secondary ds:UpToDate/UpToDate C r-----
    ns:0 nr:0 dw:0 dr:0 al:0 bm:0 lo:0 pe:0 ua:0 ap:0 ep:1 wo:f oos:0
--- mounted
yes
--- threads
8
--- vip
2: em1    inet 192.168.0.219/24 scope global secondary em1\\       valid_lft forever
--- programs
rpc.mountd
nfsdcld
--- waiting

--- heartbeat
local
`
const pair = (more: Partial<PairState> = {}): PairState => ({
  at: 0,
  askedAt: 0,
  nodes: [active('M1'), idle('M2')],
  owners: ['M1'],
  ...more,
})

describe('a look at a node', () => {
  it('is read', () => {
    expect(parseLook('M1', said, plan)).toEqual(active('M1'))
  })

  it('tells a daemon that is gone, and a heartbeat that does not run', () => {
    const text = said.replace('nfsdcld\n', '').replace('local\n', 'Cannot signon with heartbeat\n')
    const node = parseLook('M1', text, plan)
    expect(node).toMatchObject({ missing: ['nfsdcld'], heartbeat: 'stopped' })
  })

  it('asks for no more than the article has', () => {
    const text = said.replace('nfsdcld\n', '')
    expect(parseLook('M1', text, { ...plan, programs: ['rpc.mountd'] }).missing).toEqual([])
  })

  it('knows a node without DRBD', () => {
    const text = said.replace(/version[\s\S]*oos:0\n/, '')
    expect(parseLook('M1', text, plan).replica.connection).toBe('Unconfigured')
  })

  it('still sees the address and the server where what DRBD says cannot be read', () => {
    const node = parseLook('M2', said.replace(/ oos:0/, ''), plan)
    expect(node).toMatchObject({ reached: true, vip: true, threads: 8, mounted: true })
    expect(node.replica.connection).toBe('Unconfigured')
  })

  it('throws where half of the answer is missing', () => {
    expect(() => parseLook('M1', said.slice(0, 200), plan)).toThrow(/M1: the answer lacks/)
  })
})

describe('who answers for the address', () => {
  it('is each card once', () => {
    const line = (card: string) => `Unicast reply from 192.168.0.219 [${card}]  1.2ms\n`
    const one = '52:54:00:7A:01:01'
    expect(answering(line(one) + line(one))).toEqual(['52:54:00:7a:01:01'])
    expect(answering(line(one) + line('52:54:00:7A:02:01'))).toHaveLength(2)
    expect(answering('Received 0 response(s)\n')).toEqual([])
  })
})

describe('what keeps a pair from being whole', () => {
  it('is nothing where it is', () => {
    expect(notWhole(pair())).toEqual([])
    expect(servingOf(pair())?.name).toBe('M1')
  })

  const other = (changes: object) => ({ ...idle('M2'), ...changes })
  it.each<[string, Partial<PairState>, RegExp]>([
    ['two Primaries', { nodes: [active('M1'), active('M2')] }, /DRBD is Primary on M1 and M2/],
    ['two answers on the wire', { owners: ['M1', 'M2'] }, /M1 and M2 answer for the floating/],
    ['nobody on the wire', { owners: [] }, /nobody answers for the floating address, expected M1/],
    ['a node that is off', { nodes: [active('M1'), other({ reached: false })] }, /M2 does not ans/],
    ['no service', { nodes: [idle('M1'), idle('M2')], owners: [] }, /none has any of it/],
    [
      'half a service',
      { nodes: [{ ...active('M1'), threads: 0 }, idle('M2')] },
      /no node has the whole service \(M1: Primary, the filesystem, the address\)/,
    ],
    [
      'something on the standby',
      { nodes: [active('M1'), other({ threads: 8 })] },
      /M2 has nfsd as well/,
    ],
    [
      'heartbeat off',
      { nodes: [active('M1'), other({ heartbeat: 'stopped' })] },
      /M2: heartbeat does/,
    ],
    [
      'something that cannot be confirmed',
      { nodes: [active('M1'), other({ waiting: 'it is not confirmed that M1 is off' })] },
      /M2 waits: it is not confirmed that M1 is off/,
    ],
    [
      'blocks out of sync',
      { nodes: [active('M1'), other({ replica: { ...idle('M2').replica, outOfSync: 4 } })] },
      /M2: DRBD is Connected Secondary\/Primary UpToDate\/UpToDate oos:4/,
    ],
  ])('%s', (_, changes, wanted) => {
    expect(notWhole(pair(changes)).join('\n')).toMatch(wanted)
  })

  it('does not take a node that is off for a danger', () => {
    const off = { ...active('M2'), reached: false }
    expect(unsafe(pair({ nodes: [active('M1'), off] }))).toEqual([])
  })
})

describe('which of two nodes is stopped', () => {
  const names = (nodes: PairState['nodes']) => superfluous(pair({ nodes })).map(({ name }) => name)
  it('is none where one serves', () => {
    expect(names([active('M1'), idle('M2')])).toEqual([])
  })
  it('is the one with less of the service', () => {
    expect(names([{ ...active('M1'), vip: false }, active('M2')])).toEqual(['M1'])
    expect(names([active('M1'), { ...idle('M2'), vip: true }])).toEqual(['M2'])
  })
  it('is the one with the older data', () => {
    const old = { ...active('M1'), replica: { ...active('M1').replica, disk: 'Outdated' } }
    expect(names([old, active('M2')])).toEqual(['M1'])
  })
})
