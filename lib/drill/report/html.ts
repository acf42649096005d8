import { rowsOf } from '../record/drill-rows.ts'
import type { Round } from '../record/round-record.ts'
import { whereTheTimeWent } from './bars.ts'
import { comparison } from './compare.ts'
import { pictures } from './drills.ts'
import { html } from './markup.ts'
import { summary } from './table.ts'
import { style } from './theme.ts'
import { failures, verdicts } from './verdict.ts'

/** What a report says about itself. */
export interface ReportMeta {
  readonly title: string
  /** When the drills began; milliseconds since the epoch. */
  readonly at: number
  /** What the figures depend on, such as acceleration, deadtime and grace; in this order. */
  readonly facts: Readonly<Record<string, string | number>>
  /** Where the time of a stall may go, in order. */
  readonly phases: readonly string[]
}

/** The report as one HTML page that needs nothing else: no network, no scripts. */
export function renderReport(rounds: readonly Round[], meta: ReportMeta): string {
  const rows = rowsOf(rounds, meta.phases)
  const when = new Date(meta.at).toISOString()
  const failed = failures(rounds)
  const recipes = comparison(rows)
  const phases = whereTheTimeWent(rows, meta.phases)
  const facts = Object.entries(meta.facts)
  return html`<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"/><meta name="viewport" content="width=device-width, initial-scale=1"/>
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'"/>
<title>${meta.title}</title>
${style}</head>
<body>
<header><h1>${meta.title}</h1><time datetime="${when}">${`${when.slice(0, 10)} ${when.slice(11, 16)} UTC`}</time></header>
<main>
${verdicts(rounds)}
${facts.length > 0 && html`<dl class="facts">${facts.map(([key, value]) => html`<div><dt>${key}</dt><dd>${value}</dd></div>`)}</dl>`}
${
  rounds.length > 0 &&
  html`<nav aria-label="Contents">${failed && html`<a href="#failed">What failed</a>`}<a href="#summary">Results</a>${
    recipes && html`<a href="#recipes">Recipes beside each other</a>`
  }${phases && html`<a href="#phases">Where the time went</a>`}<a href="#drills">Drill by drill</a></nav>
${failed}
${summary(rows)}
${recipes}
${phases}
${pictures(rounds)}`
}
</main>
</body></html>
`.toString()
}
