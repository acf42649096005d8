import { describe, expect, it } from 'vitest'
import { parseProcDrbd } from '../../roles/drbd/status.ts'
import {
  type Known,
  knownText,
  parseServed,
  parseTogether,
} from '../../roles/start-without/known.ts'

const status = (disk: string) =>
  parseProcDrbd(
    `version: 8.4.11 (api:1)\n\n 0: cs:WFConnection ro:Secondary/Unknown ds:${disk}/DUnknown C r-----\n    ns:0 oos:0\n`,
    0,
  )
const at = Date.UTC(2026, 10, 27, 15, 40) / 1000
const known = (more: Partial<Known>): Known => ({
  status: status('Consistent'),
  generation: 'AAAAAAAAAAAAAAA2',
  together: undefined,
  served: undefined,
  ...more,
})
const last = (more: Partial<Known>) => knownText('M1', 'M2', known(more)).at(-1)

describe('what a node knows after both lost their power', () => {
  it('is its data, the last time together, and the last time it served', () => {
    const together = { at, role: 'Primary' }
    const served = { at: at + 60, connection: 'Connected', peerDisk: 'UpToDate' }
    expect(knownText('M1', 'M2', known({ together, served }))).toEqual([
      'M1: DRBD is WFConnection Secondary/Unknown Consistent/DUnknown oos:0, its data is generation AAAAAAAAAAAAAAA2',
      'M1 and M2 had the same data at 2026-11-27 15:40:00 UTC, M1 as Primary',
      'M1 served until 2026-11-27 15:41:00 UTC, with M2',
      'M1 served when both were last seen together. M2 may have taken over after that: in that case M2 has writes that M1 does not have',
    ])
  })

  it.each([
    [
      'the other served',
      { together: { at, role: 'Secondary' } },
      'M2 served when both were last seen together: everything that M2 wrote after 2026-11-27 15:40:00 UTC is only on M2',
    ],
    [
      'this one served on alone',
      {
        together: { at, role: 'Primary' },
        served: { at: at + 600, connection: 'WFConnection', peerDisk: 'Outdated' },
      },
      'M1 served last, alone: M2 has nothing newer, unless it was made to serve by force',
    ],
    [
      'this one was cut off while it served: the other may have powered it off and served on',
      {
        together: { at, role: 'Primary' },
        served: { at: at + 5, connection: 'WFConnection', peerDisk: 'DUnknown' },
      },
      'M1 served when both were last seen together. M2 may have taken over after that: in that case M2 has writes that M1 does not have',
    ],
    [
      'this one was left behind',
      { status: status('Outdated'), together: { at, role: 'Primary' } },
      'M2 has newer data: it served after M1 was left behind, some time after 2026-11-27 15:40:00 UTC. As long as M1 serves, clients do not have what was written on M2 since then',
    ],
    [
      'this one was in mid-resync',
      { status: status('Inconsistent') },
      'M1 was being brought up to date by M2: its data is not whole, and it cannot serve',
    ],
    ['nothing was noted', {}, 'M2 may have newer data: nothing is known of it'],
  ] as const)('tells what the missing one may have where %s', (_, more, text) => {
    expect(last(more)).toBe(text)
  })

  it('is nothing where the notes are cut short', () => {
    expect(parseTogether('1764250000 Primary\n')).toEqual({ at: 1764250000, role: 'Primary' })
    expect(parseServed('1764250000 WFConnection Outdated\n')).toEqual({
      at: 1764250000,
      connection: 'WFConnection',
      peerDisk: 'Outdated',
    })
    for (const text of ['', '17642', '1764250000 ']) {
      expect(parseTogether(text)).toBeUndefined()
      expect(parseServed(text)).toBeUndefined()
    }
  })
})
