import { describe, expect, it } from 'vitest'
import { counterProblems, judgeCounters, type Sample } from '../../lib/drill/counters.ts'
import type { Span } from '../../lib/drill/record/round-record.ts'
import { sampleOf, startSampler } from '../../lib/drill/sampler.ts'
import { FakeGround } from './fake.ts'

/** Samples as [arrival in ms, bytes written], a connection each list; read when they arrived. */
const heard = (...connections: (readonly [number, number])[][]): Sample[] =>
  connections.flatMap((all, connection) =>
    all.map(([at, written]) => ({ connection, at, upMs: at, written })),
  )
const both = (M1: Sample[], M2: Sample[]) =>
  judgeCounters(
    new Map([
      ['M1', M1],
      ['M2', M2],
    ]),
  ).both

const cases: readonly (readonly [string, Sample[], Sample[], Span[]])[] = [
  ['nobody was heard', [], [], []],
  [
    'one node wrote',
    heard([
      [0, 0],
      [250, 9],
      [500, 20],
    ]),
    heard([
      [0, 0],
      [250, 0],
      [500, 0],
    ]),
    [],
  ],
  [
    'one wrote after the other',
    heard([
      [0, 0],
      [250, 9],
      [500, 9],
    ]),
    heard([
      [100, 0],
      [350, 0],
      [600, 7],
    ]),
    [],
  ],
  [
    'the intervals of both rises overlap',
    heard([
      [0, 0],
      [250, 9],
    ]),
    heard([
      [100, 0],
      [350, 7],
    ]),
    [{ from: 100, to: 250 }],
  ],
  [
    'one interval ends as the other begins',
    heard([
      [0, 0],
      [250, 9],
    ]),
    heard([
      [250, 0],
      [500, 7],
    ]),
    [],
  ],
  [
    'both write for long: one stretch',
    heard([
      [0, 0],
      [250, 1],
      [500, 2],
      [750, 3],
    ]),
    heard([
      [0, 5],
      [250, 6],
      [500, 7],
      [750, 8],
    ]),
    [{ from: 0, to: 750 }],
  ],
  [
    'both write at once, and minutes later again: two stretches',
    heard([
      [0, 0],
      [250, 1],
      [90_000, 1],
      [90_250, 2],
    ]),
    heard([
      [0, 0],
      [250, 1],
      [90_000, 1],
      [90_250, 2],
    ]),
    [
      { from: 0, to: 250 },
      { from: 90_000, to: 90_250 },
    ],
  ],
  [
    'a counter fell to 0 with a reboot, and rises from there',
    heard([
      [0, 500],
      [250, 0],
      [500, 0],
    ]),
    heard([
      [0, 0],
      [250, 7],
      [500, 9],
    ]),
    [],
  ],
  [
    'the first sample of a connection is only a base',
    heard(
      [[0, 0]],
      [
        [250, 9_000],
        [500, 9_000],
      ],
    ),
    heard([
      [0, 0],
      [250, 7],
      [500, 9],
    ]),
    [],
  ],
  [
    'a frozen node goes on, and writes what is not its own any more',
    [
      { connection: 0, at: 0, upMs: 1_000, written: 0 },
      { connection: 0, at: 40_000, upMs: 1_250, written: 9 },
    ],
    heard([
      [39_000, 0],
      [39_250, 7],
    ]),
    [{ from: 39_000, to: 39_250 }],
  ],
  [
    'lines that came late together tell when they were read',
    [
      { connection: 0, at: 0, upMs: 1_000, written: 0 },
      { connection: 0, at: 3_000, upMs: 1_250, written: 9 },
      { connection: 0, at: 3_000, upMs: 4_000, written: 9 },
    ],
    heard([
      [2_000, 0],
      [2_250, 7],
    ]),
    [],
  ],
]

describe('counters of both NFS servers', () => {
  it.each(cases)('where %s', (_, M1, M2, expected) => {
    expect(both(M1, M2)).toEqual(expected)
    expect(both(M2, M1)).toEqual(expected)
  })

  it('are told as one sentence, and nothing where all is well', () => {
    const counted = judgeCounters(
      new Map([
        [
          'M1',
          heard([
            [1_000, 0],
            [1_250, 4],
            [9_000, 4],
            [9_250, 8],
          ]),
        ],
        [
          'M2',
          heard([
            [1_000, 0],
            [1_250, 1],
            [9_000, 1],
            [9_250, 2],
          ]),
        ],
      ]),
    )
    expect(counted).toMatchObject({ samples: { M1: 4, M2: 4 }, bytes: { M1: 8, M2: 2 } })
    expect(counterProblems(counted, 'nfsd')).toEqual([
      'nfsd wrote on M1 and M2 in the same second, at 00:00:01.000 UTC, and once more',
    ])
    expect(counterProblems({ ...counted, both: [] }, 'nfsd')).toEqual([])
  })
})

describe('the sampler', () => {
  it('reads its own lines and no others', () => {
    expect(sampleOf('12.50 4096', 3, 7)).toEqual({
      connection: 3,
      at: 7,
      upMs: 12_500,
      written: 4096,
    })
    expect(sampleOf('12.50', 3, 7)).toBeUndefined()
    expect(sampleOf('sh: perl: not found', 3, 7)).toBeUndefined()
  })

  it('listens to both nodes until it is stopped', async () => {
    class Talking extends FakeGround {
      protected override listen(name: string, onLine: (line: string) => void, signal: AbortSignal) {
        onLine('1.00 100')
        onLine(name === 'M1' ? '1.25 180' : '1.25 100')
        return super.listen(name, onLine, signal)
      }
    }
    const { nodes } = new Talking()
    expect(await startSampler(nodes, 'counts').stop()).toEqual({
      samples: { M1: 2, M2: 2 },
      bytes: { M1: 80, M2: 0 },
      both: [],
    })
  })
})
