import { describe, expect, test } from 'vitest'
import { growth, growthTable, slope, verdict } from '../../bench/growth.ts'
import type { Samples } from '../../bench/rows.ts'

const mb = 2 ** 20
const samples = (hosts: number, wallMs: number, cpuMs: number, peakMb: number): Samples => ({
  ...{ hosts, rttMs: 0, run: 'first', contender: 'tandem' },
  // A median is taken of three.
  ...{ wallMs: [wallMs, 0, 1e9], cpuMs: [1e9, cpuMs, 0], peakRssBytes: [0, 1e12, peakMb * mb] },
  ...{ togetherBytes: [2 * peakMb * mb], roundTrips: [7], hostsCpuMs: [200], others: [0] },
})

// In no order; what lies between the ends does not count.
const all = [
  samples(100, 9e5, 9e5, 900),
  samples(500, 5000, 6000, 200),
  samples(50, 1000, 500, 110),
]

describe('growth', () => {
  test('goes from the fewest hosts to the most, per host', () => {
    expect(growth(all)).toEqual([
      {
        ...{ rttMs: 0, run: 'first', contender: 'tandem' },
        hosts: { least: 50, most: 500 },
        wall: { least: 20, most: 10 },
        cpu: { least: 10, most: 12 },
        peak: { least: 110 * mb, most: 200 * mb },
        together: { least: 220 * mb, most: 400 * mb },
      },
    ])
  })

  test('keeps contenders, runs and distances apart', () => {
    const other = all.map((one) => ({ ...one, contender: 'shell' }))
    const again = all.map((one) => ({ ...one, run: 'converged' as const }))
    const far = all.map((one) => ({ ...one, rttMs: 20 }))
    expect(growth([...all, ...other, ...again, ...far])).toHaveLength(4)
  })

  test('is not to be had from one number of hosts', () => {
    expect(growth(all.slice(0, 1))).toEqual([])
    expect(growthTable(all.slice(0, 1))).toBeUndefined()
  })
})

test('memory of a further host is the slope of the line between the ends', () => {
  expect(slope({ least: 110, most: 200 }, { least: 50, most: 500 })).toBeCloseTo(0.2)
  expect(slope({ least: 200, most: 110 }, { least: 50, most: 500 })).toBeCloseTo(-0.2)
})

const [less, more, same] = [
  { least: 2, most: 1 },
  { least: 1, most: 1.001 },
  { least: 1, most: 1 },
]
test.each([
  [less, same, 'yes'],
  [more, less, 'no: wall'],
  [same, more, 'no: CPU'],
  [more, more, 'no: wall, CPU'],
])('wall %j and CPU %j a host: no larger? %s', (wall, cpu, wanted) => {
  expect(verdict({ wall, cpu })).toBe(wanted)
})

test('the table says it all in a line', () => {
  const [header, , line] = growthTable(all)?.split('\n') ?? []
  const cells = (text = '') =>
    text
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim())
  expect(
    Object.fromEntries(cells(header).map((name, at) => [name, cells(line)[at]])),
  ).toMatchObject({
    hosts: '50 → 500',
    'wall ms/host': '20.0 → 10.0',
    'CPU ms/host': '10.0 → 12.0',
    'peak MB': '110 → 200',
    'together MB': '220 → 400',
    'no larger': 'no: CPU',
  })
  expect(cells(line).slice(5, 12)).toEqual([
    ...['0.50', '10.0 → 12.0', '1.20', '110 → 200', '0.20', '220 → 400', '0.40'],
  ])
})
