import { median, stallKinds } from '../record/drill-rows.ts'
import type { DrillRow, Stalls } from '../record/round-record.ts'
import { anchor, count, drillsOf, px, recipesOf, seconds } from './figures.ts'
import { html, type Markup } from './markup.ts'
import { stallTitles } from './table.ts'

/** How many times as long the other one waits; undefined where one of them has no wait. */
function ratio(ours: number, theirs: number): number | undefined {
  return ours > 0 && Number.isFinite(theirs / ours) ? theirs / ours : undefined
}

const times = (value: number | undefined): string =>
  value === undefined ? '–' : `${value.toFixed(value < 9.95 ? 1 : 0)}×`

function pairOfBars(ours: number, theirs: number, longest: number, id: string): Markup {
  const width = (ms: number) => px(Math.min(180, Math.max(1, (ms / longest) * 180)))
  return html`<svg class="pair" viewBox="0 0 180 20" width="180" height="20" role="img" aria-labelledby="${id}"><title id="${id}">${`${seconds(ours)} s against ${seconds(theirs)} s`}</title><desc>Two bars of this length, the first recipe above the second.</desc><rect class="ours" y="1" width="${width(ours)}" height="8"/><rect class="theirs" y="11" width="${width(theirs)}" height="8"/></svg>`
}

/** Two recipes, by the drills that both were put to; nothing where there are not exactly two. */
export function comparison(rows: readonly DrillRow[]): Markup | undefined {
  const [us, them, third] = recipesOf(rows)
  if (us === undefined || them === undefined || third !== undefined) return undefined
  const drills = drillsOf(rows)
  const pairs = drills.flatMap((drill) => {
    const ours = rows.find((row) => row.drill === drill && row.recipe === us)
    const theirs = rows.find((row) => row.drill === drill && row.recipe === them)
    return ours && theirs ? [{ drill, ours, theirs }] : []
  })
  if (pairs.length === 0) return undefined
  type Pair = (typeof pairs)[number]
  const wait = (row: DrillRow, kind: keyof Stalls) => row.stallsMs[kind].p50
  const ratioOf = ({ ours, theirs }: Pair, kind: keyof Stalls) =>
    ratio(wait(ours, kind), wait(theirs, kind))
  const both = pairs.flatMap(({ ours, theirs }) => [ours.stallMs.p50, theirs.stallMs.p50])
  const longest = Math.max(1, ...both.filter(Number.isFinite))
  const typical = median(pairs.flatMap((pair) => ratioOf(pair, 'newFile') ?? []))
  return html`<section id="recipes"><h2>${us} beside ${them}</h2>
<p>${
    Number.isFinite(typical) &&
    html`Half of the drills make a client of <i>${them}</i> wait for a new file <b>${times(typical)}</b> as long as one of <i>${us}</i>, or longer. `
  }<span class="key ours"></span> ${us} <span class="key theirs"></span> ${them}</p>
<div class="wide" tabindex="0" role="region" aria-label="Recipes beside each other"><table>
<caption>Median of the longest waits, in seconds; the ratio is ${them} to ${us}.</caption>
<thead><tr><th scope="col" rowspan="2">Drill</th>${stallKinds.map(
    (kind) =>
      html`<th scope="colgroup" colspan="${kind === 'newFile' ? 4 : 3}" class="first">${stallTitles[kind]}</th>`,
  )}<th scope="colgroup" colspan="2" class="first">Lost</th></tr>
<tr>${stallKinds.map(
    (kind) =>
      html`${kind === 'newFile' && html`<th scope="col" class="first">bars</th>`}<th scope="col"${
        kind !== 'newFile' && html` class="first"`
      }>${us}</th><th scope="col">${them}</th><th scope="col">ratio</th>`,
  )}<th scope="col" class="first">${us}</th><th scope="col">${them}</th></tr></thead>
<tbody>${pairs.map((pair, at) => {
    const { drill, ours, theirs } = pair
    const lost = (row: DrillRow) => (row.lost === 0 ? 'nil' : 'wrong')
    return html`<tr><th scope="row"><a href="#${anchor(drills, drill)}">${drill}</a></th><td class="first">${pairOfBars(ours.stallMs.p50, theirs.stallMs.p50, longest, `pair-${at + 1}`)}</td>${stallKinds.map(
      (kind) => {
        const value = ratioOf(pair, kind)
        return html`<td${kind !== 'newFile' && html` class="first"`}>${seconds(wait(ours, kind))}</td><td>${seconds(
          wait(theirs, kind),
        )}</td><td class="${value !== undefined && value < 0.95 ? 'wrong' : 'ratio'}">${times(value)}</td>`
      },
    )}<td class="first ${lost(ours)}">${count(ours.lost)}</td><td class="${lost(theirs)}">${count(theirs.lost)}</td></tr>
`
  })}</tbody></table></div></section>`
}
