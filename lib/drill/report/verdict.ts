import { failed, percentile } from '../record/drill-rows.ts'
import type { Round } from '../record/round-record.ts'
import { anchor, count, drillsOf, plural, recipesOf, seconds } from './figures.ts'
import { html, type Markup } from './markup.ts'

/** What came of it, in one sentence. */
export function verdict(rounds: readonly Round[]): string {
  const drills = drillsOf(rounds).length
  const bad = rounds.filter(failed)
  const total = (of: (round: Round) => number) => rounds.reduce((sum, round) => sum + of(round), 0)
  const acknowledged = total((round) => round.verdict.acknowledged)
  const lost = total((round) => round.verdict.lost.length)
  const result =
    bad.length === 0
      ? 'all passed'
      : `${plural(bad.length, 'round')} of ${plural(drillsOf(bad).length, 'drill')} failed`
  const writes = `${plural(acknowledged, 'acknowledged write')}, ${lost > 0 ? count(lost) : 'none'} lost`
  return `${plural(drills, 'drill')}, ${plural(rounds.length, 'round')}: ${result}; ${writes}`
}

/** How long a client waited for a new file: usually, and where it was worst. */
function waits(rounds: readonly Round[]): Markup {
  const stalls = rounds.map(({ stalls }) => stalls.newFile)
  const worst = rounds.find(({ stalls: own }) => own.newFile === Math.max(...stalls))
  return html`<p>A client waited for a new file <b>${seconds(percentile(stalls, 0.5))} s</b> in the median${
    worst &&
    html`, <b>${seconds(worst.stalls.newFile)} s</b> at worst (${worst.drill}, round ${worst.round})`
  }.</p>`
}

/** The verdict on each recipe; what an administrator wants to know before anything else. */
export function verdicts(rounds: readonly Round[]): Markup {
  if (rounds.length === 0) return html`<p class="verdict bad">No rounds: nothing was drilled.</p>`
  const recipes = recipesOf(rounds)
  return html`<div class="verdicts">${recipes.map((recipe) => {
    const own = rounds.filter((round) => round.recipe === recipe)
    const bad = own.some(failed)
    return html`<div class="verdict ${bad ? 'bad' : 'good'}">
<p class="recipe"><span aria-hidden="true">${bad ? '✗' : '✓'}</span> ${recipe} <b>${bad ? 'failed' : 'passed'}</b></p>
<p class="sentence">${verdict(own)}.</p>
${waits(own)}
</div>`
  })}</div>`
}

/** Everything that a failed round has to say, problems in full. */
export function complaints({ problems, verdict: { lost, clientErrors } }: Round): Markup {
  // The ledger's sentences may be thousands and all of one kind; `--json` counts them all.
  const some = (word: string, sentences: readonly string[]) => [
    ...sentences.slice(0, 10).map((sentence) => html`<li><b>${word}:</b> ${sentence}</li>`),
    sentences.length > 10 &&
      html`<li><b>${word}:</b> and ${count(sentences.length - 10)} more</li>`,
  ]
  return html`<ul class="complaints">${problems.map((problem) => html`<li>${problem}</li>`)}${some(
    'lost',
    lost,
  )}${some('error', clientErrors)}</ul>`
}

/** What failed, before anybody has to look for it. */
export function failures(rounds: readonly Round[]): Markup | undefined {
  const drills = drillsOf(rounds)
  const recipes = recipesOf(rounds)
  const bad = recipes.flatMap((recipe) =>
    rounds.filter((round) => round.recipe === recipe && failed(round)),
  )
  if (bad.length === 0) return undefined
  return html`<section id="failed"><h2>What failed</h2><div class="failures">${bad.map(
    (round) =>
      html`<div class="failure"><h3><a href="#${anchor(drills, round.drill)}">${round.drill}</a>, ${
        recipes.length > 1 && html`${round.recipe}, `
      }round ${round.round}</h3>${complaints(round)}</div>`,
  )}</div></section>`
}
