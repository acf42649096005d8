import { readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import {
  figure,
  figuresOf,
  figuresTable,
  figuresTitle,
  withFigures,
} from '../../bench/figures-text.ts'

const root = resolve(import.meta.dirname, '../..')

const round = (drill: string, active: string, newFile: number, lost: readonly string[] = []) => ({
  drill,
  active,
  round: 1,
  recipe: 'tandem',
  commit: 'abc',
  compared: true,
  problems: lost,
  verdict: { acknowledged: 10, lost, indeterminate: 0, clientErrors: [] },
  written: { samples: {}, bytes: {}, both: [] },
  stalls: { newFile, openFile: 1_000, read: 100, lock: 1_000 },
  phasesMs: { detect: 5_000, fence: newFile / 2 },
  timeline: { from: 0, to: 0, lanes: [], marks: [], acknowledged: {} },
})

describe('the table of figures', () => {
  const figures = figuresOf([
    round('power-off', 'M1', 30_000),
    round('standby', 'M2', 2_000),
    round('standby', 'M1', 1_000),
    round('standby', 'M1', 3_000),
    round('standby', 'M1', 2_000),
  ])

  it('has a line a drill and active node, with the worst of several rounds', () => {
    expect(figuresTable(figures).split('\n').slice(2)).toEqual([
      '| standby | M1 | abc | 3 | 2.0 (3.0) | 1.0 (1.0) | 0.1 (0.1) | 1.0 (1.0) | 30 | 0 | 0 | 5.0 (5.0) | – | 1.0 (1.5) |',
      '| standby | M2 | abc | 1 | 2.0 | 1.0 | 0.1 | 1.0 | 10 | 0 | 0 | 5.0 | – | 1.0 |',
      '| power-off | M1 | abc | 1 | 30.0 | 1.0 | 0.1 | 1.0 | 10 | 0 | 0 | 5.0 | – | 15.0 |',
    ])
  })

  it('is made of older rounds too, which call what the servers wrote by another name', () => {
    const { written, ...rest } = round('standby', 'M1', 1_000)
    expect(figuresOf([{ ...rest, nfsd: written }])).toEqual(figuresOf([{ ...rest, written }]))
  })

  it('says what did not pass, and of which commits it is', () => {
    const bad = { ...figuresOf([round('em3', 'M1', 1, ['create-1 is gone'])])[0], commit: 'def' }
    const title = figuresTitle([...figures, figure.parse(bad)])
    expect(title).toContain('6 rounds of commits abc, def: 5 passed, 60 acknowledged')
    expect(title).toContain('1 lost')
  })

  it('takes the place of the one before, and nothing else of the page', () => {
    const marks = ['<!-- figures: npm run bench:figures -->', '<!-- end of figures -->']
    const made = withFigures(`a\n${marks[0]}\nold\n${marks[1]}\nb\n`, figures)
    expect(made).toMatch(/^a\n<!-- figures/)
    expect(made).toMatch(/<!-- end of figures -->\nb\n$/)
    expect(made).not.toContain('old')
    expect(withFigures(made, figures)).toBe(made)
    expect(() => withFigures('a', figures)).toThrow(/^Expected the lines/)
  })

  it('takes no round without a commit', () => {
    expect(() => figuresOf([{ ...round('em3', 'M1', 1), commit: undefined }])).toThrow(
      'Expected rounds of a known commit',
    )
  })
})

describe('docs/failover.md', () => {
  it('says what docs/drills.json holds', () => {
    const page = readFileSync(join(root, 'docs/failover.md'), 'utf8')
    const kept = z
      .array(figure)
      .parse(JSON.parse(readFileSync(join(root, 'docs/drills.json'), 'utf8')))
    expect(withFigures(page, kept)).toBe(page)
  })
})
