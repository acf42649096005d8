import { describe, expect, it } from 'vitest'
import { median, percentile, percentiles, rowsOf } from '../../lib/drill/record/drill-rows.ts'
import type { Round } from '../../lib/drill/record/round-record.ts'
import { densityPath, stallOf } from '../../lib/drill/report/acknowledged.ts'
import { textWidth } from '../../lib/drill/report/figures.ts'
import { frameOf, ticks } from '../../lib/drill/report/frame.ts'
import { renderReport } from '../../lib/drill/report/html.ts'
import { placeMarks } from '../../lib/drill/report/log-events.ts'
import { verdict } from '../../lib/drill/report/verdict.ts'
import { elementsOf } from './report-markup.ts'
import { phases, sampleMeta, sampleRound, sampleRounds } from './report-sample.ts'

const base = sampleRound({ drill: 'power-loss', round: 1, recipe: 'tandem', seed: 1 })

function round(number: number, newFile: number, change: Partial<Round> = {}): Round {
  const verdict = { acknowledged: 100, lost: [], indeterminate: 1, clientErrors: [] }
  const stalls = { newFile, openFile: newFile / 2, read: 10, lock: newFile * 2 }
  return { ...base, round: number, verdict, stalls, phasesMs: {}, ...change }
}

const evil = `<script>alert("1")</script>&'\u0000`
const count = (elements: readonly string[], name: string) =>
  elements.filter((element) => element === name).length

describe('rows', () => {
  it('takes percentiles by nearest rank', () => {
    const values = [15, 20, 35, 40, 50]
    expect([0.05, 0.3, 0.4, 0.5, 1].map((share) => percentile(values, share))).toEqual([
      15, 20, 20, 35, 50,
    ])
    const twenty = Array.from({ length: 20 }, (_, at) => 20 - at)
    expect([0.5, 0.95, 1].map((share) => percentile(twenty, share))).toEqual([10, 19, 20])
    expect([median([3, 1, 2]), median([4, 1, 3, 2]), median([7])]).toEqual([2, 2.5, 7])
  })

  it('gives the median, p95 and the largest, and throws where there is no value', () => {
    const to = (n: number) => Array.from({ length: n }, (_, i) => n - i)
    expect(percentiles([7])).toEqual({ p50: 7, p95: 7, max: 7 })
    expect(percentiles([10, 9])).toEqual({ p50: 9, p95: 10, max: 10 })
    expect(percentiles(to(20))).toEqual({ p50: 10, p95: 19, max: 20 })
    expect(percentiles(to(100))).toEqual({ p50: 50, p95: 95, max: 100 })
    expect(() => percentiles([])).toThrow('expected at least one value, got none')
  })

  it('keeps the phases in their order, whatever a row lacks and whichever row comes first', () => {
    const held = round(1, 1000, { drill: 'held', phasesMs: { detect: 1000, fence: 100 } })
    const moved = round(1, 1000, {
      phasesMs: { detect: 1000, stop: 100, promote: 100, grace: 100 },
    })
    const both = round(2, 1000, { phasesMs: { detect: 1000, fence: 200 } })
    for (const rounds of [
      [held, moved, both],
      [both, moved, held],
    ]) {
      const page = renderReport(rounds, sampleMeta)
      const heads = /Phases in figures.*?<thead>(.*?)<\/thead>/s.exec(page)?.[1] ?? ''
      const shown = [...heads.matchAll(/<th scope="col">(\w+)</g)].map(([, name]) => name)
      expect(shown.filter((name) => phases.includes(name as never))).toEqual(phases)
      const row = rowsOf(rounds, phases).find(({ drill }) => drill !== 'held')
      expect(Object.keys(row?.phasesMs ?? {})).toEqual([
        'detect',
        'stop',
        'fence',
        'promote',
        'grace',
      ])
    }
  })

  it('adds up counts, spreads stalls, and takes medians of the phases that were there', () => {
    const rows = rowsOf(
      [
        round(1, 3000, { phasesMs: { detect: 1000, mount: 100 } }),
        round(2, 1000, { phasesMs: { detect: 3000, mount: 400 } }),
        round(3, 2000, { phasesMs: { detect: 1500 } }),
      ],
      phases,
    )
    expect(rows).toEqual([
      {
        drill: 'power-loss',
        recipe: 'tandem',
        rounds: 3,
        active: [],
        passed: true,
        acknowledged: 300,
        lost: 0,
        indeterminate: 3,
        clientErrors: 0,
        replayed: 0,
        bothWrote: 0,
        compared: 0,
        commits: [],
        stallMs: { p50: 2000, p95: 3000, max: 3000 },
        stallsMs: {
          newFile: { p50: 2000, p95: 3000, max: 3000 },
          openFile: { p50: 1000, p95: 1500, max: 1500 },
          read: { p50: 10, p95: 10, max: 10 },
          lock: { p50: 4000, p95: 6000, max: 6000 },
        },
        phasesMs: { detect: 1500, mount: 250 },
      },
    ])
  })

  it('keeps recipes and drills apart, in the order of the rounds', () => {
    const rows = rowsOf(
      [
        round(1, 1, { recipe: 'article' }),
        round(1, 2),
        round(1, 3, { drill: 'another' }),
        round(2, 4, { recipe: 'article' }),
      ],
      phases,
    )
    expect(rows.map(({ recipe, drill, rounds }) => `${recipe} ${drill} ${rounds}`)).toEqual([
      'article power-loss 2',
      'tandem power-loss 1',
      'tandem another 1',
    ])
  })

  const { verdict: fine } = round(1, 1)
  it.each([
    ['a problem', { problems: ['two served'] }],
    ['a lost write', { verdict: { ...fine, lost: ['create 1'] } }],
    ['an error on the client', { verdict: { ...fine, clientErrors: ['lock 1: EIO'] } }],
  ])('fails for %s in one round', (_, change) => {
    const rounds = [round(1, 1), round(2, 1, change)]
    expect(rowsOf(rounds, phases)[0]?.passed).toBe(false)
    expect(verdict(rounds)).toContain('2 rounds: 1 round of 1 drill failed; 200 acknowledged')
    expect(rowsOf([round(1, 1), round(2, 1)], phases)[0]?.passed).toBe(true)
  })
})

describe('pictures', () => {
  const timeline = { ...base.timeline, from: 0, to: 100_000 }

  it('has round numbers on the axis', () => {
    expect(ticks(-20_000, 41_000, 10)).toEqual([
      -20_000, -10_000, 0, 10_000, 20_000, 30_000, 40_000,
    ])
    expect(ticks(0, 900, 10)).toHaveLength(10)
  })

  it('puts labels where none covers another and no line goes through one', () => {
    const text = 'a label of some length'
    const all = [0, 1, 2, 50, 52, 53, 90, 94, 95, 95, 99, 100].map((at) => ({
      at: at * 1000,
      text,
    }))
    const placed = placeMarks(all, frameOf(timeline), 11)
    const boxes = placed.map(({ x, row, before, label }) => {
      const long = textWidth(label, 11)
      return { x, row, from: before ? x - long : x, to: before ? x : x + long }
    })
    expect(new Set(placed.map(({ before }) => before)).size).toBe(2)
    for (const [at, box] of boxes.entries()) {
      expect(box.to).toBeLessThanOrEqual(1080)
      for (const other of boxes.slice(at + 1)) {
        const apart = box.to < other.from || other.to < box.from
        expect(apart || box.row !== other.row, JSON.stringify([box, other])).toBe(true)
        const cut = (line: typeof box, label: typeof box) =>
          line.row > label.row && line.x > label.from && line.x < label.to
        expect(cut(box, other) || cut(other, box), JSON.stringify([box, other])).toBe(false)
      }
    }
  })

  it('finds the stall after the fault, and not the end of the writers', () => {
    const create = [1000, 9000, 9500, 10_000, 10_100, 14_000, 14_100, 20_000]
    const own = round(1, 3900, {
      timeline: {
        ...timeline,
        marks: [{ at: 10_050, text: 'fault: power' }],
        acknowledged: { create },
      },
    })
    expect(stallOf(own, 'create', frameOf(own.timeline))).toEqual({ from: 10_100, to: 14_000 })
    const never = { ...own, stalls: { ...own.stalls, newFile: 80_000 } }
    expect(stallOf(never, 'create', frameOf(own.timeline))).toEqual({ from: 20_000, to: 100_000 })
  })

  it('draws a hundred thousand acknowledgements as briefly as a thousand, and shows a gap', () => {
    const frame = frameOf(timeline)
    const times = Array.from({ length: 100_000 }, (_, at) => at).filter(
      (at) => at < 40_000 || at > 60_000,
    )
    const path = densityPath(times, frame, 20)
    expect(path.length).toBeLessThan(80)
    // 20 of 100 s without any, on an axis of 916 pixels.
    expect(path).toMatch(/v\d+h1(?:77|80|83)v-\d+/)
  })
})

describe('the page', () => {
  const rounds = [...sampleRounds('article'), ...sampleRounds()]
  const page = renderReport(rounds, sampleMeta)

  it('is well-formed, with a described picture for each round', () => {
    const elements = elementsOf(page)
    // One more for the phases, and a pair of bars for each drill.
    expect(count(elements, 'svg')).toBe(96 + 1 + 16)
    expect(count(elements, 'desc')).toBe(count(elements, 'svg'))
    for (const { drill, recipe, round: number } of rounds) {
      expect(page).toContain(`>${drill}, ${recipe}, round ${number}</title>`)
    }
    expect(() => elementsOf(page.replace('</figure>', ''))).toThrow('closes')
    expect(() => elementsOf(page.replace('hand-over', 'hand<over'))).toThrow()
    expect(() => elementsOf(page.replace('id="drill-1"', ''))).toThrow('nowhere')
  })

  it('needs neither scripts nor a network, and is small', () => {
    expect(page).not.toMatch(/<script|<link|<img|\son\w+=|@import|url\(|https?:/)
    expect(Buffer.byteLength(page)).toBeLessThan(2_000_000)
    expect(page.match(/<th(?=[\s>])(?![^>]*scope=)/)).toBeNull()
  })

  it('says first what came of it, a sentence for each recipe, ours first', () => {
    const total = (recipe: string) =>
      rounds
        .filter((own) => own.recipe === recipe)
        .reduce((sum, own) => sum + own.verdict.acknowledged, 0)
        .toLocaleString('en-US')
    const ours = `16 drills, 48 rounds: all passed; ${total('tandem')} acknowledged writes, none lost.`
    const theirs = `16 drills, 48 rounds: 6 rounds of 3 drills failed; ${total('article')} acknowledged writes, 3 lost.`
    expect(page.indexOf(ours)).toBeGreaterThan(0)
    expect(page.indexOf(theirs)).toBeGreaterThan(page.indexOf(ours))
    expect(page.indexOf('id="summary"')).toBeGreaterThan(page.indexOf(theirs))
  })

  it('compares two recipes, and one with nothing', () => {
    const two = renderReport([round(1, 2000), round(1, 5000, { recipe: 'article' })], sampleMeta)
    expect(two).toContain('<td>2.00</td><td>5.00</td><td class="ratio">2.5×</td>')
    const one = renderReport([round(1, 2000)], sampleMeta)
    expect(one).not.toContain('beside')
    expect(count(elementsOf(one), 'svg')).toBe(1)
  })

  it('sets beside each other what both recipes went through, and shows phases where there are some', () => {
    const moved = { phasesMs: { detect: 1000 } }
    const alone = round(1, 3000, { drill: 'disk-error' })
    const both = [round(1, 2000, moved), round(1, 5000, { ...moved, recipe: 'article' })]
    const section = (rows: Round[], id: string) =>
      new RegExp(`<section id="${id}">.*?</section>`, 's').exec(renderReport(rows, sampleMeta))?.[0]
    for (const id of ['recipes', 'phases']) {
      expect(section([...both, alone], id)).toContain(both[0]?.drill)
      expect(section([...both, alone], id)).not.toContain('disk-error')
      expect(section([alone, { ...alone, drill: 'full', recipe: 'article' }], id)).toBeUndefined()
    }
  })

  it('escapes all that is not its own', () => {
    const lane = {
      title: evil,
      spans: [{ from: base.timeline.from, to: base.timeline.to, text: evil }],
    }
    const own = round(1, 2000, {
      drill: evil,
      recipe: evil,
      problems: [evil, 'the second problem'],
      verdict: { acknowledged: 1, lost: [evil], indeterminate: 0, clientErrors: [evil] },
      phasesMs: { detect: 1000 },
      timeline: {
        ...base.timeline,
        lanes: [lane],
        marks: [{ at: base.timeline.from + 1, text: `fault: ${evil}` }],
      },
    })
    const meta = { title: evil, at: 0, phases, facts: { [evil]: evil } }
    const hostile = renderReport([own, { ...own, recipe: 'tandem' }], meta)
    elementsOf(hostile)
    expect(hostile).not.toContain('<script')
    expect(hostile).not.toContain('\u0000')
    expect(hostile).toContain('&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt;&amp;&#39;\ufffd')
    expect(hostile).toContain('the second problem')
  })

  it('lists the problems of a failed round in full, and a page of lost writes by their number', () => {
    const problems = Array.from({ length: 40 }, (_, at) => `problem number ${at}.`)
    const lost = Array.from({ length: 5000 }, (_, at) => `create ${at}.`)
    const failing = renderReport(
      [round(1, 1, { problems, verdict: { ...base.verdict, lost } })],
      sampleMeta,
    )
    for (const problem of problems) expect(failing).toContain(problem)
    expect(failing).toContain('create 9.')
    expect(failing).not.toContain('create 10.')
    expect(failing).toContain('and 4,990 more')
  })

  it('holds when there is nothing to show', () => {
    expect(count(elementsOf(renderReport([], sampleMeta)), 'svg')).toBe(0)
    const empty = { from: 5, to: 5, lanes: [], marks: [], acknowledged: {} }
    const stalls = { newFile: Infinity, openFile: 0, read: 0, lock: 0 }
    const bare = renderReport([round(1, 0, { timeline: empty, stalls })], sampleMeta)
    expect(bare).not.toMatch(/NaN|Infinity|undefined/)
    elementsOf(bare)
  })
})
