import type { Event, HostRecap } from '../engine/events.ts'
import type { Colour, Paint } from './colour.ts'
import { duration } from './text.ts'

interface Column {
  readonly head: string
  readonly value: (host: HostRecap) => number
  readonly colour: Colour
  /** Shown only where some host has any. */
  readonly rare?: boolean
  readonly check?: boolean
}

const columns: readonly Column[] = [
  { head: 'ok', value: (host) => host.ok, colour: 'green' },
  { head: 'changed', value: (host) => host.changed, colour: 'yellow', check: false },
  { head: 'would change', value: (host) => host.wouldChange, colour: 'yellow', check: true },
  { head: 'unknown', value: (host) => host.unknown, colour: 'cyan', check: true },
  { head: 'failed', value: (host) => host.failed, colour: 'red' },
  { head: 'refused', value: (host) => host.refused, colour: 'red', rare: true },
  { head: 'skipped', value: (host) => host.skipped, colour: 'dim' },
]

const verdicts: Record<number, string> = {
  0: 'converged',
  1: 'not run',
  2: 'failed',
  3: 'a host was unreachable',
  4: 'refused by a guard',
  130: 'interrupted',
}

/** Above this many hosts the table names only those that are not simply fine. */
const tableHosts = 60

/** The table at the end of a run and its verdict. */
export function recapLines(
  event: Extract<Event, { type: 'run-end' }>,
  check: boolean,
  paint: Paint,
): string[] {
  const shown = columns.filter(
    (column) =>
      (column.check === undefined || column.check === check) &&
      (!column.rare || event.recap.some((host) => column.value(host) > 0)),
  )
  const rough = (host: HostRecap) => host.unreachable || host.failed > 0 || host.refused > 0
  const hosts = event.recap.length > tableHosts ? event.recap.filter(rough) : event.recap
  const nameWidth = Math.max(4, ...hosts.map(({ host }) => host.length))
  const row = (name: string, cells: string[], last: string) =>
    `${name.padEnd(nameWidth)}  ${cells.join('  ')}  ${last}`.trimEnd()
  const lines: string[] = []
  if (hosts.length > 0) {
    const heads = shown.map(({ head }) => head)
    const timeWidth = Math.max(4, ...hosts.map(({ ms }) => duration(ms).length))
    lines.push(paint('bold', row('host', heads, 'time'.padStart(timeWidth))))
    for (const host of hosts) {
      const cells = shown.map((column) => {
        const value = column.value(host)
        const cell = String(value).padStart(column.head.length)
        return value > 0 ? paint(column.colour, cell) : cell
      })
      const last = host.unreachable
        ? paint('red', 'unreachable')
        : duration(host.ms).padStart(timeWidth)
      lines.push(row(host.host, cells, last))
    }
  }
  if (hosts.length < event.recap.length) {
    const sum = (value: (host: HostRecap) => number) =>
      event.recap.reduce((total, host) => total + value(host), 0)
    const sums = shown.map((column) => `${column.head} ${sum(column.value)}`).join(', ')
    lines.push(`all ${event.recap.length} hosts: ${sums}`)
  }
  lines.push(verdict(event, check, paint))
  return lines
}

function verdict(event: Extract<Event, { type: 'run-end' }>, check: boolean, paint: Paint): string {
  const pending = event.recap.some((host) => host.wouldChange > 0 || host.unknown > 0)
  const word =
    event.exitCode === 0 && check
      ? pending
        ? 'checked, there is something to change'
        : 'checked, nothing to change'
      : (verdicts[event.exitCode] ?? `exit code ${event.exitCode}`)
  const text = `${word} (${duration(event.ms)})`
  return paint(event.exitCode === 0 ? 'green' : 'red', text)
}
