import { describe, expect, test } from 'vitest'
import { chosen, rotated } from '../../bench/bench.ts'
import { jsonLines, median, ratio, type Samples, table } from '../../bench/rows.ts'

const samples = (contender: string, wallMs: number[], cpuMs: number[]): Samples => ({
  ...{ hosts: 2, rttMs: 0, run: 'converged', contender, wallMs, cpuMs },
  peakRssBytes: wallMs.map(() => 64 * 2 ** 20),
  roundTrips: [7],
  togetherBytes: [96 * 2 ** 20],
  hostsCpuMs: [200],
  others: [0.031],
})
const all = [
  samples('tandem', [1200, 1000, 1100], [900, 800, 1000]),
  samples('shell', [400, 390, 410], [300, 300, 300]),
  samples('ssh-true', [300, 330, 310], [280, 270, 290]),
]

describe('median', () => {
  test.each([
    [[3], 3],
    [[3, 1, 2], 2],
    [[4, 1, 2, 3], 2.5],
    [[10, 9], 9.5],
  ])('of %j is %d', (values, wanted) => expect(median(values)).toBe(wanted))

  test('leaves the values as they are', () => {
    const values = [3, 1, 2]
    median(values)
    expect(values).toEqual([3, 1, 2])
  })

  test('of nothing is no number', () => expect(() => median([])).toThrow('Expected at least one'))
})

test.each([
  [1100, 400, '2.75'],
  [39_960, 1000, '40.0'],
  [293_190, 1000, '293'],
  [1, undefined, '–'],
  [1, 0, '–'],
])('the ratio of %d to %j is %s', (a, b, wanted) => expect(ratio(a, b)).toBe(wanted))

test('the table holds medians, spread and ratios', () => {
  const cells = table(all)
    .split('\n')
    .map((line) => line.split('|').map((cell) => cell.trim().replace(' %', '_%')))
  expect(cells[2]?.slice(1, -1)).toEqual(
    '2 0 converged tandem 1100 1000–1200 900 550.0 450.0 64 96 200 3_% 7 3.55 2.75 1.00 1.00'.split(
      ' ',
    ),
  )
  expect(cells[4]?.slice(1, -1)).toEqual(
    '2 0 converged ssh-true 310 300–330 280 155.0 140.0 64 96 200 3_% 7 1.00 0.78 0.28 0.31'.split(
      ' ',
    ),
  )
  expect(
    new Set(
      table(all)
        .split('\n')
        .map(({ length }) => length),
    ).size,
  ).toBe(1)
})

test('without the others there is no ratio to them', () => {
  expect(table(all.slice(0, 1))).toMatch(/ – \|.* – \|.* 1\.00 \|.* 1\.00 \|$/)
})

test('the JSON has one object a line, with exactly these fields', () => {
  const lines = jsonLines(all).trimEnd().split('\n')
  expect(lines).toHaveLength(3)
  expect(JSON.parse(lines[0] ?? '')).toEqual({
    ...{ hosts: 2, rttMs: 0, run: 'converged', contender: 'tandem' },
    ...{ wallMs: 1100, cpuMs: 900, peakRssBytes: 64 * 2 ** 20, roundTrips: 7 },
  })
})

test('each round begins with another contender', () => {
  expect([0, 1, 2, 3].map((round) => rotated(['a', 'b', 'c'], round).join(''))).toEqual([
    ...['abc', 'bca', 'cab', 'abc'],
  ])
})

test('a contender that does not exist is named, with the one that was meant', () => {
  const known = ['tandem', 'shell'].map((name) => ({ name, command: () => ({}) as never }))
  expect(() => chosen(known, ['shel'])).toThrow(
    'Unknown contender `shel`, did you mean `shell`? There are: tandem, shell',
  )
  expect(chosen(known, ['shell']).map(({ name }) => name)).toEqual(['shell'])
})

test('a contender that must be asked for by name runs only then', () => {
  const command = () => ({}) as never
  const known = [
    { name: 'tandem', command },
    { name: 'tandem-npm', byName: true, command },
  ]
  const names = (asked?: string[]) => chosen(known, asked).map(({ name }) => name)
  expect(names()).toEqual(['tandem'])
  expect(names(['tandem-npm'])).toEqual(['tandem-npm'])
})
