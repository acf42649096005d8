import { stallKinds } from '../lib/drill/record/drill-rows.ts'
import type { DrillRow } from '../lib/drill/record/round-record.ts'
import { stallTitles } from '../lib/drill/report/table.ts'
import { seconds } from '../lib/drill/text-table.ts'

/** Medians of what clients waited with both recipes, and their ratio, a line a drill and kind. */
export function besideText(rows: readonly DrillRow[]): string {
  const lines = rows.flatMap((theirs) => {
    if (theirs.recipe !== 'article') return []
    const ours = rows.find(({ drill, recipe }) => drill === theirs.drill && recipe === 'tandem')
    if (!ours) return []
    return stallKinds.map((kind) => {
      const [us, them] = [ours.stallsMs[kind].p50, theirs.stallsMs[kind].p50]
      const ratio = them > 0 ? (us / them).toFixed(2) : '-'
      return `${theirs.drill}: ${stallTitles[kind]}: ${seconds(us)} s, the article's ${seconds(them)} s, ratio ${ratio}`
    })
  })
  return lines.length > 0 ? `Medians:\n${lines.map((line) => `  ${line}\n`).join('')}` : ''
}
