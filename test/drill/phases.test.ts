import { describe, expect, it } from 'vitest'
import { clockOf, fromUptime, onClockOf } from '../../lib/drill/machine/machine-clock.ts'
import type { Operation, Work } from '../../lib/drill/record/round-record.ts'
import {
  finest,
  heartbeatMarks,
  kernelMarks,
  type Mark,
  type MarkEvent,
  stampMarks,
} from '../../playbooks/drills/pair/marks.ts'
import { phasesOf } from '../../playbooks/drills/pair/phases.ts'

const mark = (node: string, at: number, event: MarkEvent): Mark => ({ node, at, event })
const ok = (work: Work, endedMs: number): Operation => ({
  work,
  sequence: 1,
  beganMs: endedMs - 5,
  endedMs,
  outcome: 'ok',
})

const taken = [
  mark('M2', 21_000, 'start-began'),
  mark('M2', 21_300, 'promoted'),
  mark('M2', 21_900, 'mounted'),
  mark('M2', 22_700, 'nfsd-up'),
  mark('M2', 22_800, 'vip-up'),
]
const operations = [ok('append', 900), ok('read', 24_800), ok('create', 900), ok('create', 30_000)]

describe('phases', () => {
  it('of a crash: no stop, and all of them are the stall', () => {
    const phases = phasesOf({ fault: 1_000, from: 'M1', to: 'M2', marks: taken, operations })
    expect(phases).toEqual({
      detect: 20_000,
      promote: 300,
      mount: 600,
      nfsd: 800,
      vip: 100,
      reconnect: 2_000,
      grace: 5_200,
    })
    expect(Object.values(phases).reduce((sum, ms) => sum + ms, 0)).toBe(29_000)
  })

  it('of a move: the node that leaves is first', () => {
    const left = [mark('M1', 1_400, 'stop-began'), mark('M1', 3_400, 'stop-ended')]
    const phases = phasesOf({
      fault: 1_000,
      from: 'M1',
      to: 'M2',
      marks: [...left, ...taken],
      operations,
    })
    expect(phases).toMatchObject({ detect: 400, stop: 2_000, promote: 17_900 })
  })

  it('of a crash that had to be made sure of: fencing is one of them', () => {
    // DRBD's question ends in the power-off: stamps within stamps, and a first attempt without an end.
    const fence = [
      mark('M2', 21_050, 'fence-began'),
      mark('M2', 22_000, 'fence-began'),
      mark('M2', 27_000, 'fence-ended'),
      mark('M2', 27_100, 'fence-ended'),
      mark('M2', 99_000, 'fence-ended'),
    ]
    const late = taken.map((one) =>
      one.event === 'start-began' ? one : { ...one, at: one.at + 6_000 },
    )
    const marks = [...late, ...fence]
    const phases = phasesOf({ fault: 1_000, from: 'M1', to: 'M2', marks, operations })
    expect(phases).toMatchObject({ detect: 20_000, fence: 6_100, promote: 200, mount: 600 })
    expect(phases.stop).toBeUndefined()
  })

  it('of a node that stayed and held its writes until it was sure', () => {
    const fence = [mark('M1', 6_000, 'fence-began'), mark('M1', 11_500, 'fence-ended')]
    const held = { fault: 1_000, from: 'M1', to: 'M1', operations }
    expect(phasesOf({ ...held, marks: fence })).toEqual({ detect: 5_000, fence: 5_500 })
    expect(phasesOf({ ...held, marks: fence.slice(0, 1) })).toEqual({})
    expect(phasesOf({ ...held, marks: [] })).toEqual({})
  })

  it('of a recipe that has the address first', () => {
    const early = [mark('M2', 21_050, 'vip-up'), ...taken.slice(0, 4)]
    const phases = phasesOf({ fault: 1_000, from: 'M1', to: 'M2', marks: early, operations })
    expect(phases).toMatchObject({ nfsd: 800, vip: 0, reconnect: 2_100 })
  })

  it('leaves out what left no trace', () => {
    const marks = taken.filter(({ event }) => event !== 'mounted' && event !== 'nfsd-up')
    const phases = phasesOf({ fault: 1_000, from: 'M1', to: 'M2', marks, operations })
    expect(phases).toEqual({
      detect: 20_000,
      promote: 300,
      vip: 1_500,
      reconnect: 2_000,
      grace: 5_200,
    })
  })

  it('passes over what earlier rounds left', () => {
    const old = taken.map((one) => ({ ...one, at: one.at - 21_000 }))
    const marks = [...old, ...taken]
    expect(phasesOf({ fault: 2_000, from: 'M1', to: 'M2', marks, operations }).detect).toBe(19_000)
  })
})

describe('clocks', () => {
  it('trust the quickest answer', () => {
    const slow = { sentAt: 0, gotAt: 900, uptime: 10, wall: 50 }
    const quick = { sentAt: 1_000, gotAt: 1_020, uptime: 11, wall: 5 }
    const clock = clockOf([slow, quick])
    expect(clock).toMatchObject({ aheadMs: 3_990, bootedAt: -9_990, errorMs: 10 })
    expect(fromUptime(clock, 12)).toBe(2_010)
    expect(onClockOf(clock, 2_010)).toBe(6_000)
  })
})

describe('marks', () => {
  const clock = { aheadMs: 500, bootedAt: 100_000, kernelAheadMs: 2_000, errorMs: 1 }

  it('are read from the stamps of the scripts', () => {
    const text =
      '12.50 promote-begin\n12.60 fence-begin\n12.70 fence-end\n12.75 promote-end\n13.00 odd\nhalf a li'
    expect(stampMarks('M1', text, clock)).toEqual([
      mark('M1', 112_500, 'start-began'),
      mark('M1', 112_600, 'fence-began'),
      mark('M1', 112_700, 'fence-ended'),
      mark('M1', 112_750, 'promoted'),
    ])
  })

  it('are read from the kernel log, whose stamps may be ahead', () => {
    const text = `[   14.500000] block drbd0: role( Secondary -> Primary )
[   15.000000] EXT4-fs (drbd0): mounted filesystem with ordered data mode. Quota mode: none.
[   15.500000] NFSD: starting 10-second grace period (net f0000098)
[   16.000000] drbd drbd: peer( Secondary -> Unknown ) conn( Connected -> NetworkFailure )`
    expect(kernelMarks('M1', text, clock)).toEqual([
      mark('M1', 112_500, 'promoted'),
      mark('M1', 113_000, 'mounted'),
      mark('M1', 113_500, 'nfsd-up'),
      mark('M1', 113_500, 'grace-began'),
      mark('M1', 114_000, 'peer-lost'),
    ])
  })

  it("are read from heartbeat's log in local time", () => {
    const text =
      'ResourceManager(default)[3240]:\t2026/11/22_18:20:58 info: Acquiring resource group: m1 drbddisk\n'
    const at = Date.UTC(2026, 10, 22, 17, 20, 58)
    expect(heartbeatMarks('M1', text, clock, 3_600_000)).toEqual([mark('M1', at, 'start-began')])
  })

  it('come from the finer source where it tells of an event at all', () => {
    const fine = [mark('M1', 10, 'promoted')]
    const coarse = [mark('M1', 0, 'promoted'), mark('M1', 20, 'mounted')]
    expect(finest(fine, coarse)).toEqual([mark('M1', 10, 'promoted'), mark('M1', 20, 'mounted')])
  })
})
