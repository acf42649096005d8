import { failed } from '../record/drill-rows.ts'
import type { Round } from '../record/round-record.ts'
import { anchor, drillsOf, plural, recipesOf, seconds } from './figures.ts'
import { html, type Markup } from './markup.ts'
import { picture } from './timeline-chart.ts'
import { complaints } from './verdict.ts'

function figure(round: Round, id: string): Markup {
  const bad = failed(round)
  const { newFile, openFile, read, lock } = round.stalls
  const replayed = round.verdict.replayed ?? 0
  return html`<figure${bad && html` class="bad"`}><figcaption><b>${round.recipe}, round ${round.round}${
    round.active !== undefined && html`, ${round.active} active`
  }</b> <span class="${bad ? 'wrong' : 'ok'}">${
    bad ? '✗ failed' : '✓ passed'
  }</span> <span class="soft">waits: new files ${seconds(newFile)} s, open files ${seconds(openFile)} s, reads ${seconds(read)} s, locks ${seconds(lock)} s${
    replayed > 0 && html`; ${plural(replayed, 'rename')} done though the client was told ENOENT`
  }</span></figcaption>
<div class="wide" tabindex="0" role="region" aria-label="Timeline">${picture(round, id)}</div>${bad && complaints(round)}</figure>
`
}

/** The rounds of one recipe: in sight are those that failed and the longest; the others are like it. */
function rounds(own: readonly Round[], id: string): Markup {
  const longest = Math.max(...own.map(({ stalls }) => stalls.newFile))
  const worst = own.find(({ stalls }) => stalls.newFile === longest)
  const pictures = own.map((round, at) => ({
    round,
    inSight: round === worst || failed(round),
    figure: figure(round, `${id}-${at + 1}`),
  }))
  const others = pictures.filter(({ inSight }) => !inSight)
  return html`${pictures.filter(({ inSight }) => inSight).map((shown) => shown.figure)}${
    others.length > 0 &&
    html`<details><summary>${plural(others.length, 'more round')} of ${own[0]?.recipe}: new files waited ${others
      .map(({ round }) => `${seconds(round.stalls.newFile)} s`)
      .join(', ')}</summary>
${others.map((hidden) => hidden.figure)}</details>
`
  }`
}

/** Every round of every drill as a picture. */
export function pictures(all: readonly Round[]): Markup {
  const drills = drillsOf(all)
  const recipes = recipesOf(all)
  return html`<section id="drills"><h2>Drill by drill</h2>
<p class="note">Bars: who had what, and when. Below them: when clients had their operations acknowledged, with the longest gap since the fault.
Shaded: the wait for a new file. Shown is the round with the longest wait, and all that failed.</p>
${drills.map(
  (
    drill,
    at,
  ) => html`<section class="drill" id="${anchor(drills, drill)}"><h3>${drill} <a class="up" href="#summary">to the results</a></h3>
${recipes.map((recipe, which) => {
  const own = all.filter((round) => round.drill === drill && round.recipe === recipe)
  return own.length > 0 && rounds(own, `t${at + 1}-${which + 1}`)
})}</section>
`,
)}</section>`
}
