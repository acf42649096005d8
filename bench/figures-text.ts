import { z } from 'zod'
import { groupBy, median, stallKinds } from '../lib/drill/record/drill-rows.ts'
import { drills } from '../playbooks/drills/index.ts'
import { phases } from '../playbooks/drills/pair/phases.ts'

const waits = z.object(Object.fromEntries(stallKinds.map((kind) => [kind, z.number()])))

/** One round as docs/drills.json keeps it: what its table is made of, without the pictures; times in ms. */
export const figure = z.object({
  commit: z.string(),
  drill: z.string(),
  active: z.string(),
  compared: z.boolean(),
  problems: z.array(z.string()),
  acknowledged: z.number(),
  lost: z.number(),
  clientErrors: z.number(),
  bothWrote: z.number(),
  stalls: waits,
  phasesMs: z.partialRecord(z.enum(phases), z.number()),
})
export type Figure = z.infer<typeof figure>

/** Older rounds have another name for what the servers wrote. */
const renamed = (one: unknown): unknown =>
  typeof one === 'object' && one !== null && 'nfsd' in one ? { written: one.nfsd, ...one } : one

const round = z.object({
  commit: z.string({ error: 'Expected rounds of a known commit' }),
  drill: z.string(),
  active: z.string(),
  compared: z.boolean().default(false),
  problems: z.array(z.string()),
  verdict: z.object({
    acknowledged: z.number(),
    lost: z.array(z.string()),
    clientErrors: z.array(z.string()),
  }),
  written: z.object({ both: z.array(z.unknown()) }),
  stalls: waits,
  phasesMs: figure.shape.phasesMs,
})

/** What is kept of rounds that `--json` wrote; throws where they are something else. */
export function figuresOf(rounds: unknown): Figure[] {
  return z
    .array(z.preprocess(renamed, round))
    .parse(rounds)
    .map(({ verdict, written, ...rest }) => ({
      ...rest,
      acknowledged: verdict.acknowledged,
      lost: verdict.lost.length,
      clientErrors: verdict.clientErrors.length,
      bothWrote: written.both.length,
    }))
}

const seconds = (ms: number) => (ms / 1_000).toFixed(1)

/** The middle of several, and the worst in brackets. */
function span(values: readonly number[]): string {
  if (values.length === 0) return '–'
  const middle = seconds(median(values))
  return values.length === 1 ? middle : `${middle} (${seconds(Math.max(...values))})`
}

const columns = ['detect', 'stop', 'fence'] as const
const heads = ['drill', 'active', 'commit', 'rounds', 'new file', 'open file', 'read', 'lock']
const counts = ['acknowledged', 'lost', 'client errors']

function line(rounds: readonly Figure[]): string {
  const [first] = rounds
  const sum = (of: (one: Figure) => number) => rounds.reduce((total, one) => total + of(one), 0)
  const cells = [
    first?.drill,
    first?.active,
    [...new Set(rounds.map(({ commit }) => commit.slice(0, 7)))].join(' '),
    rounds.length,
    ...stallKinds.map((kind) => span(rounds.map(({ stalls }) => stalls[kind] ?? Number.NaN))),
    sum(({ acknowledged }) => acknowledged),
    sum(({ lost }) => lost),
    sum(({ clientErrors }) => clientErrors),
    ...columns.map((phase) => span(rounds.flatMap(({ phasesMs }) => phasesMs[phase] ?? []))),
  ]
  return `| ${cells.join(' | ')} |`
}

/** The table of docs/failover.md: a line a drill and active node, in the order of `drill --list`. */
export function figuresTable(figures: readonly Figure[]): string {
  const place = new Map(drills.map(({ name }, at) => [name, at]))
  const sorted = figures.toSorted(
    (a, b) =>
      (place.get(a.drill) ?? drills.length) - (place.get(b.drill) ?? drills.length) ||
      a.active.localeCompare(b.active),
  )
  const groups = groupBy(sorted, ({ drill, active }) => `${drill} ${active}`)
  const all = [...heads, ...counts, ...columns]
  const rule = all.map((_, at) => (at < 3 ? '---' : '--:'))
  return [`| ${all.join(' | ')} |`, `|${rule.join('|')}|`, ...[...groups.values()].map(line)].join(
    '\n',
  )
}

/** What the table is of, as one sentence. */
export function figuresTitle(figures: readonly Figure[]): string {
  const sum = (of: (one: Figure) => number) => figures.reduce((total, one) => total + of(one), 0)
  const commits = [...new Set(figures.map(({ commit }) => commit))]
  const broken = figures.filter(({ problems }) => problems.length > 0).length
  const of = commits.length === 1 ? `commit ${commits[0]}` : `commits ${commits.join(', ')}`
  return `${figures.length} rounds of ${of}: ${figures.length - broken} passed, ${sum(({ acknowledged }) => acknowledged)} acknowledged writes read back, ${sum(({ lost }) => lost)} lost, ${sum(({ clientErrors }) => clientErrors)} client errors; ${sum(({ compared }) => Number(compared))} of them with both disks compared block by block and the filesystem checked.`
}

const begin = '<!-- figures: npm run bench:figures -->'
const end = '<!-- end of figures -->'

/** The text of a document with the block between the two marks made anew; throws where they are not there. */
export function withFigures(document: string, figures: readonly Figure[]): string {
  const from = document.indexOf(begin)
  const to = document.indexOf(end)
  if (from < 0 || to < from) throw new Error(`Expected the lines ${begin} and ${end}`)
  const block = `${begin}\n${figuresTitle(figures)}\n\n${figuresTable(figures)}\n`
  return document.slice(0, from) + block + document.slice(to)
}
