import type { Paint } from './colour.ts'
import { busy, type HostTimes, type Parts, type ProfileTimes, type TaskTimes } from './profile.ts'
import { counted, cut } from './text.ts'

/** Above this many hosts only the slowest are named, and a task only on its slowest host. */
const tableHosts = 12
const slowestHosts = 10
const costliestTasks = 15
/** A run longer than this is shown in seconds. */
const inSeconds = 60_000

const columns = ['busy', 'connect', 'check', 'apply', 'recheck', 'wait', 'rest'] as const
type Column = (typeof columns)[number]
const ofTasks: readonly Column[] = ['busy', 'check', 'apply', 'recheck', 'wait']

interface Row {
  readonly name: string
  readonly parts: Partial<Record<Column, number>>
  /** Stands for others. */
  readonly dim?: boolean
}

/** Where a run's time went: the whole, then its hosts, then the tasks that cost most. */
export function profileLines(times: ProfileTimes, paint: Paint, width: number): string[] {
  const { total, startUp, hosts, closing } = times.ms
  const seconds = total > inSeconds
  const number = (ms: number) => (seconds ? (ms / 1000).toFixed(2) : ms.toFixed(1))
  const cell = (ms = 0) => {
    const text = number(ms)
    // Most are nothing: what is left must catch the eye.
    return Number(text) === 0 ? '-' : text
  }
  const table = (head: string, shown: readonly Column[], rows: readonly Row[]) => {
    if (rows.length === 0) return []
    const cells = rows.map(({ parts }) => shown.map((column) => cell(parts[column])))
    const widths = shown.map((column, index) =>
      Math.max(column.length, ...cells.map((row) => row[index]?.length ?? 0)),
    )
    const line = (texts: readonly string[], name: string) => {
      const padded = texts.map((text, index) => text.padStart(widths[index] ?? 0))
      return cut(`${padded.join('  ')}  ${name}`, width)
    }
    const body = rows.map(({ name, dim }, index) => {
      const text = line(cells[index] ?? [], name)
      return dim ? paint('dim', text) : text
    })
    return ['', paint('bold', line(shown, head)), ...body]
  }
  const many = times.hosts.length > tableHosts
  const sum = `${number(startUp)} start-up + ${number(hosts)} hosts + ${number(closing)} closing`
  return [
    cut(`time in ${seconds ? 's' : 'ms'}: ${number(total)} = ${sum}`, width),
    ...table('host', columns, hostRows(times.hosts, many)),
    ...table('task', ofTasks, taskRows(times.tasks, many, seconds ? 5 : 0.05)),
  ]
}

const withBusy = <T extends Parts>(parts: T) => ({ ...parts, busy: busy(parts) })

function hostRows(hosts: readonly HostTimes[], many: boolean): Row[] {
  const named = (host: HostTimes): Row => ({ name: host.host, parts: withBusy(host) })
  if (!many) return hosts.map(named)
  const sorted = [...hosts].sort((a, b) => busy(b) - busy(a))
  const others = sorted.slice(slowestHosts)
  const word = counted(others.length, 'other host')
  // Column by column: the median of one is another host than that of the next.
  const sortedOf = (column: Column) =>
    others.map((host) => withBusy(host)[column]).sort((a, b) => a - b)
  const each = (pick: (sorted: readonly number[]) => number | undefined): Row['parts'] =>
    Object.fromEntries(columns.map((column) => [column, pick(sortedOf(column))]))
  return [
    ...sorted.slice(0, slowestHosts).map(named),
    { name: `${word}, median`, parts: each((all) => all[all.length >> 1]), dim: true },
    { name: `${word}, most`, parts: each((all) => all.at(-1)), dim: true },
  ]
}

/** The tasks that cost most; what shows as nothing, less than `least`, is among the others. */
function taskRows(tasks: readonly TaskTimes[], many: boolean, least: number): Row[] {
  const groups = new Map<string, TaskTimes[]>()
  for (const task of tasks) {
    // On 500 hosts the same task 15 times would say less than 15 tasks.
    const key = many ? `${task.role}: ${task.title}` : task.task
    const group = groups.get(key)
    if (group) group.push(task)
    else groups.set(key, [task])
  }
  const costly = [...groups.values()]
    .map((group) => ({ group, task: group.reduce((a, b) => (busy(b) > busy(a) ? b : a)) }))
    .filter(({ task }) => busy(task) >= least)
    .sort((a, b) => busy(b.task) - busy(a.task))
    .slice(0, costliestTasks)
  const hostWidth = Math.max(0, ...costly.map(({ task }) => task.host.length))
  const rows = costly.map(({ task, group }): Row => {
    const all = group.length > 1 ? `  (slowest of ${group.length})` : ''
    const name = `${task.host.padEnd(hostWidth)}  ${task.role}: ${task.title}${all}`
    return { name, parts: withBusy(task) }
  })
  const shown = new Set(costly.map(({ task }) => task))
  const others = tasks.filter((task) => !shown.has(task))
  if (others.length === 0) return rows
  const sum = { check: 0, wait: 0, apply: 0, recheck: 0 }
  for (const task of others) {
    for (const phase of ['check', 'wait', 'apply', 'recheck'] as const) sum[phase] += task[phase]
  }
  return [...rows, { name: counted(others.length, 'other task'), parts: withBusy(sum), dim: true }]
}
