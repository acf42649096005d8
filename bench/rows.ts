import { grid } from './grid.ts'

/** The first run on fresh hosts, or the one after it, which finds nothing to do. */
export type Run = 'first' | 'converged'
export const runs: readonly Run[] = ['first', 'converged']

/** One line of the result, as `--json` writes it: medians over the rounds. */
export interface Row {
  readonly hosts: number
  readonly rttMs: number
  readonly run: Run
  readonly contender: string
  readonly wallMs: number
  readonly cpuMs: number
  readonly peakRssBytes: number
  /** Of one host, the median over the hosts. */
  readonly roundTrips: number
}

/** What the rounds gave for one row. */
export interface Samples extends Pick<Row, 'hosts' | 'rttMs' | 'run' | 'contender'> {
  readonly wallMs: number[]
  readonly cpuMs: number[]
  readonly peakRssBytes: number[]
  readonly roundTrips: number[]
  /** The most memory that all processes had together. */
  readonly togetherBytes: number[]
  /** CPU time of all hosts together. */
  readonly hostsCpuMs: number[]
  /** The share of the machine that was spent neither on the contender nor on the hosts. */
  readonly others: number[]
}

/** The middle value, or the mean of the two in the middle. */
export function median(values: readonly number[]): number {
  if (values.length === 0) throw new Error('Expected at least one value for a median, got none')
  const sorted = [...values].sort((a, b) => a - b)
  const half = sorted.length >> 1
  const upper = sorted[half] ?? 0
  return sorted.length % 2 === 1 ? upper : ((sorted[half - 1] ?? 0) + upper) / 2
}

/** Medians of samples, times to a tenth of a millisecond. */
export function rowOf(samples: Samples): Row {
  const { hosts, rttMs, run, contender } = samples
  const tenth = (value: number) => Math.round(value * 10) / 10
  return {
    ...{ hosts, rttMs, run, contender },
    wallMs: tenth(median(samples.wallMs)),
    cpuMs: tenth(median(samples.cpuMs)),
    peakRssBytes: Math.round(median(samples.peakRssBytes)),
    roundTrips: median(samples.roundTrips),
  }
}

/** `a` in units of `b`, such as `3.4`; a dash where there is nothing to compare with. */
export function ratio(a: number, b: number | undefined): string {
  if (!b) return '–'
  const value = a / b
  return value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2)
}

/** A share such as `7 %`. */
export const percent = (share: number) => `${(share * 100).toFixed(0)} %`

const header = [
  ...['hosts', 'rtt ms', 'run', 'contender', 'wall ms', 'min–max', 'CPU ms', 'wall ms/host'],
  ...['CPU ms/host', 'peak MB', 'together MB', 'hosts CPU ms', 'others'],
  ...['trips', 'wall ÷ ssh-true', 'wall ÷ shell', 'wall ÷ tandem', 'CPU ÷ tandem'],
]

/** The table of all rows, with what a host takes and their ratios. */
export function table(all: readonly Samples[]): string {
  const rows = all.map(rowOf)
  const whole = (value: number) => value.toFixed(0)
  const mb = (bytes: number) => whole(bytes / 2 ** 20)
  const body = all.map((samples, index) => {
    const row = rows[index] ?? rowOf(samples)
    const beside = (name: string) =>
      rows.find(
        ({ hosts, rttMs, run, contender }) =>
          contender === name && hosts === row.hosts && rttMs === row.rttMs && run === row.run,
      )
    return [
      ...[String(row.hosts), String(row.rttMs), row.run, row.contender, whole(row.wallMs)],
      `${whole(Math.min(...samples.wallMs))}–${whole(Math.max(...samples.wallMs))}`,
      whole(row.cpuMs),
      ...[row.wallMs, row.cpuMs].map((ms) => (ms / row.hosts).toFixed(1)),
      ...[mb(row.peakRssBytes), mb(median(samples.togetherBytes))],
      ...[whole(median(samples.hostsCpuMs)), percent(median(samples.others))],
      String(row.roundTrips),
      ...['ssh-true', 'shell', 'tandem'].map((name) => ratio(row.wallMs, beside(name)?.wallMs)),
      ratio(row.cpuMs, beside('tandem')?.cpuMs),
    ]
  })
  return grid(header, body, ['run', 'contender'])
}

/** One JSON object a line. */
export function jsonLines(all: readonly Samples[]): string {
  return all.map((samples) => `${JSON.stringify(rowOf(samples))}\n`).join('')
}
