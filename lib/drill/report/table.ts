import { stallKinds } from '../record/drill-rows.ts'
import type { DrillRow } from '../record/round-record.ts'
import { anchor, count, drillsOf, recipesOf, seconds } from './figures.ts'
import { html, type Markup } from './markup.ts'

/** What a client waited for, as a heading. */
export const stallTitles = {
  newFile: 'New files',
  openFile: 'Open files',
  read: 'Reads',
  lock: 'Locks',
} as const

/** A number that must be 0; anything else stands out, and not by colour alone. */
const mustBeNone = (value: number): Markup =>
  value === 0 ? html`<td class="nil">0</td>` : html`<td class="wrong">${count(value)}</td>`

function line(row: DrillRow, drills: readonly string[]): Markup {
  return html`<tr><th scope="row"><a href="#${anchor(drills, row.drill)}">${row.drill}</a></th>
<td class="word ${row.passed ? 'ok' : 'wrong'}">${row.passed ? '✓ passed' : '✗ failed'}</td>
<td>${row.rounds}</td><td>${count(row.acknowledged)}</td>${mustBeNone(row.lost)}
<td${row.indeterminate === 0 && html` class="nil"`}>${count(row.indeterminate)}</td>${mustBeNone(row.clientErrors)}
${stallKinds.map((kind) => {
  const { p50, p95, max } = row.stallsMs[kind]
  return html`<td class="first">${seconds(p50)}</td><td>${seconds(p95)}</td><td class="max">${seconds(max)}</td>`
})}</tr>
`
}

/** All drills of all recipes, a line each. */
export function summary(rows: readonly DrillRow[]): Markup {
  const drills = drillsOf(rows)
  const recipes = recipesOf(rows)
  return html`<section id="summary"><h2>Results</h2>
<div class="wide" tabindex="0" role="region" aria-label="Results"><table>
<caption>Waits in seconds, each the longest of its round: p50, p95 and the longest over the rounds, by nearest rank.</caption>
<thead><tr><th scope="col" rowspan="2">Drill</th><th scope="col" rowspan="2" class="word">Result</th><th scope="col" rowspan="2">Rounds</th>
<th scope="col" rowspan="2">Acknow&#173;ledged</th><th scope="col" rowspan="2">Lost</th><th scope="col" rowspan="2">Indeter&#173;minate</th><th scope="col" rowspan="2">Errors</th>
${stallKinds.map((kind) => html`<th scope="colgroup" colspan="3" class="first">${stallTitles[kind]}</th>`)}</tr>
<tr>${stallKinds.map(() => html`<th scope="col" class="first">p50</th><th scope="col">p95</th><th scope="col">max</th>`)}</tr></thead>
${recipes.map(
  (recipe) => html`<tbody>${
    recipes.length > 1 &&
    html`<tr class="group"><th scope="rowgroup" colspan="19">${recipe}</th></tr>`
  }${rows.filter((row) => row.recipe === recipe).map((row) => line(row, drills))}</tbody>
`,
)}</table></div>
<p class="note"><b>Lost</b>: acknowledged to the client, and not on the other node with its content. <b>Indeterminate</b>: never
answered; such a write may be there or not. <b>Errors</b>: operations that failed on the client.</p>
</section>`
}
