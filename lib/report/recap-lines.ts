import type { Event, HostRecap, Status } from '../engine/events.ts'
import { type Paint, statusColour } from './colour.ts'
import { duration } from './text.ts'

const columns = (Object.keys(statusColour) as Status[]).map((status) => ({
  status,
  head: status.replace('-', ' '),
  value: (host: HostRecap) => host[status === 'would-change' ? 'wouldChange' : status],
}))

/** In which runs a status can be: those that only check, or all others. */
const inCheck: Partial<Record<Status, boolean>> = {
  changed: false,
  'would-change': true,
  unknown: true,
}

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
    ({ status, value }) =>
      (inCheck[status] ?? check) === check &&
      (status !== 'refused' || event.recap.some((host) => value(host) > 0)),
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
        return value > 0 ? paint(statusColour[column.status], cell) : cell
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
  const checked = `checked, ${pending ? 'there is something' : 'nothing'} to change`
  const word = verdicts[event.exitCode] ?? `exit code ${event.exitCode}`
  const text = `${event.exitCode === 0 && check ? checked : word} (${duration(event.ms)})`
  return paint(event.exitCode === 0 ? 'green' : 'red', text)
}
