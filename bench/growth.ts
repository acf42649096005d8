import { grid } from './grid.ts'
import { median, ratio, rowOf, type Samples } from './rows.ts'

/** How one contender's run grows from the fewest hosts it had to the most. */
export interface Growth extends Pick<Samples, 'rttMs' | 'run' | 'contender'> {
  readonly hosts: Ends
  /** Milliseconds per host. */
  readonly wall: Ends
  readonly cpu: Ends
  /** Bytes of the largest process, and of all processes together. */
  readonly peak: Ends
  readonly together: Ends
}

/** A value at the fewest hosts and at the most. */
export interface Ends {
  readonly least: number
  readonly most: number
}

/** Of every run that was measured with more than one number of hosts. */
export function growth(all: readonly Samples[]): Growth[] {
  const groups = new Map<string, Samples[]>()
  for (const one of all) {
    const key = JSON.stringify([one.rttMs, one.run, one.contender])
    groups.set(key, [...(groups.get(key) ?? []), one])
  }
  return [...groups.values()].flatMap((group) => {
    const sorted = [...group].sort((a, b) => a.hosts - b.hosts)
    const [first, last] = [sorted[0], sorted.at(-1)]
    if (!first || !last || first.hosts === last.hosts) return []
    const ends = (of: (samples: Samples) => number): Ends => ({ least: of(first), most: of(last) })
    const { rttMs, run, contender } = first
    return [
      {
        ...{ rttMs, run, contender },
        hosts: ends(({ hosts }) => hosts),
        wall: ends((samples) => rowOf(samples).wallMs / samples.hosts),
        cpu: ends((samples) => rowOf(samples).cpuMs / samples.hosts),
        peak: ends((samples) => rowOf(samples).peakRssBytes),
        together: ends((samples) => median(samples.togetherBytes)),
      },
    ]
  })
}

/** What each further host takes, by the line from the fewest hosts to the most. */
export function slope({ least, most }: Ends, hosts: Ends): number {
  return (most - least) / (hosts.most - hosts.least)
}

/** Whether a host takes no more wall and CPU time at the most hosts than at the fewest, in a word. */
export function verdict({ wall, cpu }: Pick<Growth, 'wall' | 'cpu'>): string {
  const larger = Object.entries({ wall, CPU: cpu }).filter(([, { least, most }]) => most > least)
  return larger.length === 0 ? 'yes' : `no: ${larger.map(([name]) => name).join(', ')}`
}

const header = [
  ...['rtt ms', 'run', 'contender', 'hosts', 'wall ms/host', '×', 'CPU ms/host', '×'],
  ...['peak MB', 'MB/more host', 'together MB', 'MB/more host', 'no larger'],
]

/** The growth of all runs as a table; nothing where there is only one number of hosts. */
export function growthTable(all: readonly Samples[]): string | undefined {
  const rows = growth(all)
  if (rows.length === 0) return undefined
  const mb = (bytes: number) => bytes / 2 ** 20
  const both = ({ least, most }: Ends, digits: number, of = (value: number) => value) =>
    `${of(least).toFixed(digits)} → ${of(most).toFixed(digits)}`
  const body = rows.map((row) => {
    const { hosts, wall, cpu, peak, together } = row
    return [
      ...[String(row.rttMs), row.run, row.contender, both(hosts, 0)],
      ...[both(wall, 1), ratio(wall.most, wall.least), both(cpu, 1), ratio(cpu.most, cpu.least)],
      ...[both(peak, 0, mb), mb(slope(peak, hosts)).toFixed(2)],
      ...[both(together, 0, mb), mb(slope(together, hosts)).toFixed(2)],
      verdict(row),
    ]
  })
  return grid(header, body, ['run', 'contender', 'no larger'])
}
