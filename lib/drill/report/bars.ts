import type { DrillRow } from '../record/round-record.ts'
import { drillsOf, px, recipesOf, seconds, short, textWidth } from './figures.ts'
import { ticks } from './frame.ts'
import { html, type Markup } from './markup.ts'
import { colours } from './theme.ts'

const full = 1080
const height = 20

/** Each phase has its own colour, by its place; where there are more, they begin anew. */
const colour = (place: number): string => `p-${(place % colours) + 1}`

/** The stacked bar of one drill, each part with as much of its label as fits. */
function bar(
  row: DrillRow,
  phases: readonly string[],
  left: number,
  top: number,
  scale: number,
): Markup {
  let x = left
  return html`${phases.map((phase, place) => {
    const ms = row.phasesMs[phase]
    if (ms === undefined || !(ms > 0)) return undefined
    const width = ms * scale
    const from = x
    x += width
    const label = [`${phase} ${seconds(ms)}`, seconds(ms)].find(
      (text) => textWidth(text, 11) + 4 <= width,
    )
    return html`<rect class="${colour(place)}" x="${px(from)}" y="${top}" width="${px(Math.max(width, 0.5))}" height="${height - 4}"><title>${`${phase} ${seconds(ms)} s`}</title></rect>${
      label &&
      html`<text class="on-${colour(place)}" x="${px(from + width / 2)}" y="${top + 12}" text-anchor="middle">${label}</text>`
    }`
  })}`
}

/** The same in figures, for whoever does not see the bars or needs the short phases. */
function figures(
  rows: readonly DrillRow[],
  phases: readonly string[],
  recipes: readonly string[],
): Markup {
  const both = recipes.length > 1
  return html`<details><summary>The same in figures</summary><div class="wide" tabindex="0" role="region" aria-label="Phases in figures"><table>
<caption>Medians over the rounds, in seconds.</caption>
<thead><tr><th scope="col">Drill</th>${both && html`<th scope="col" class="word">Recipe</th>`}${phases.map(
    (phase) => html`<th scope="col">${phase}</th>`,
  )}</tr></thead><tbody>${rows.map(
    (
      row,
    ) => html`<tr><th scope="row">${row.drill}</th>${both && html`<td class="word">${row.recipe}</td>`}${phases.map(
      (phase) => html`<td>${seconds(row.phasesMs[phase])}</td>`,
    )}</tr>
`,
  )}</tbody></table></div></details>`
}

const totalOf = (row: DrillRow): number =>
  Object.values(row.phasesMs).reduce((sum, ms) => sum + ms, 0)

/** Where the time of each drill's stall went: a bar a drill that moved the service, under one scale. */
export function whereTheTimeWent(
  every: readonly DrillRow[],
  phases: readonly string[],
): Markup | undefined {
  const all = every.filter((row) => totalOf(row) > 0)
  if (all.length === 0) return undefined
  const recipes = recipesOf(all)
  const drills = drillsOf(all)
  const rows = drills.flatMap((drill) =>
    recipes.flatMap((recipe) => all.filter((row) => row.drill === drill && row.recipe === recipe)),
  )
  const left = recipes.length > 1 ? 290 : 220
  const longest = Math.max(
    ...rows.map(totalOf),
    ...rows.map((row) => (Number.isFinite(row.stallMs.p50) ? row.stallMs.p50 : 0)),
  )
  const scale = (full - left - 60) / longest
  const shown = phases.filter((phase) => rows.some((row) => (row.phasesMs[phase] ?? 0) > 0))

  let top = 6
  const lines = rows.map((row, at) => {
    const first = rows[at - 1]?.drill !== row.drill
    if (first && at > 0 && recipes.length > 1) top += 8
    const y = top
    top += height
    const total = totalOf(row)
    const stall = left + row.stallMs.p50 * scale
    return html`${first && html`<text class="name" x="0" y="${y + 12}">${short(row.drill, 34)}</text>`}${
      recipes.length > 1 &&
      html`<text class="soft" x="${left - 8}" y="${y + 12}" text-anchor="end">${short(row.recipe, 10)}</text>`
    }${bar(row, phases, left, y, scale)}<text x="${px(Math.max(left + total * scale, Number.isFinite(stall) ? stall : 0) + 9)}" y="${y + 12}">${seconds(total)}</text>${
      Number.isFinite(stall) &&
      html`<path class="median" d="M${px(stall)} ${y - 3}v5m0 ${height - 8}v5"><title>${`median wait ${seconds(row.stallMs.p50)} s`}</title></path>`
    }
`
  })
  const end = top + 4
  return html`<section id="phases"><h2>Where the time went</h2>
<p class="legend">${shown.map((phase) => html`<span><span class="key ${colour(phases.indexOf(phase))}"></span> ${phase}</span> `)}<span><span class="key median"></span> median wait for a new file</span></p>
<div class="wide" tabindex="0" role="region" aria-label="Where the time went"><svg class="picture" viewBox="0 0 ${full} ${end + 20}" role="img" aria-labelledby="phases-t phases-d">
<title id="phases-t">Where the time went</title><desc id="phases-d">A stacked bar for each drill: the medians of its phases in seconds, in the order ${shown.join(', ')}. The table below has the figures.</desc>
${ticks(0, longest, 10).map(
  (ms) =>
    html`<path class="grid" d="M${px(left + ms * scale)} 0V${end}"/><text class="soft" x="${px(left + ms * scale)}" y="${end + 14}" text-anchor="middle">${`${ms / 1000} s`}</text>`,
)}
${lines}</svg></div>
<p class="note">Each phase is the median over the rounds, so a bar need not be as long as the median wait.</p>
${figures(rows, phases, recipes)}</section>`
}
