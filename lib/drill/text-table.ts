import type { DrillRow } from './record/round-record.ts'

/** Seconds with one decimal. */
export const seconds = (ms: number): string => (Number.isFinite(ms) ? (ms / 1000).toFixed(1) : '-')

/** The result as text: a line a drill, and under it where the time went. */
export function tableText(rows: readonly DrillRow[]): string {
  const heads = [
    ...['drill', 'rounds', 'result', 'acknowledged', 'lost', 'indeterminate', 'errors'],
    ...['stall p50', 'p95', 'max'],
  ]
  const cells = rows.map((row) => [
    row.drill,
    String(row.rounds),
    row.passed ? 'passed' : 'NOT PASSED',
    ...[row.acknowledged, row.lost, row.indeterminate, row.clientErrors].map(String),
    ...[row.stallMs.p50, row.stallMs.p95, row.stallMs.max].map(seconds),
  ])
  const widths = heads.map((head, column) =>
    Math.max(head.length, ...cells.map((line) => line[column]?.length ?? 0)),
  )
  const words = (column: number) => column === 0 || column === 2
  const line = (values: readonly string[]) =>
    values
      .map((value, column) =>
        words(column) ? value.padEnd(widths[column] ?? 0) : value.padStart(widths[column] ?? 0),
      )
      .join('  ')
      .trimEnd()
  const body = rows.flatMap((row, index) => {
    const times = Object.entries(row.phasesMs).map(([phase, ms]) => `${phase} ${seconds(ms)}`)
    const own = line(cells[index] ?? [])
    const renames = `${row.replayed} renames were done, though the client was told ENOENT`
    return [
      own,
      ...(times.length === 0 ? [] : [`  ${times.join(', ')}`]),
      ...(row.replayed === 0 ? [] : [`  ${renames} (docs/failover.md)`]),
    ]
  })
  return `${[line(heads), ...body].join('\n')}\n`
}
