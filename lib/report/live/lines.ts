import type { Status } from '../../engine/events.ts'
import { type Colour, harmless, statusColour } from '../colour.ts'
import { counted, duration } from '../text.ts'
import type { Line, Piece } from './screen.ts'
import type { HostRow, PlayRow, TaskRow } from './tree-rows.ts'

const marks: Record<Status, string> = {
  ok: '✔',
  changed: '●',
  'would-change': '○',
  unknown: '?',
  skipped: '-',
  failed: '✖',
  refused: '✖',
}

const phases = {
  waiting: 'waiting',
  check: 'checking',
  wait: 'waiting for its turn',
  apply: 'changing',
  recheck: 'proving',
}

const order: readonly Status[] = [
  'ok',
  'changed',
  'would-change',
  'unknown',
  'failed',
  'refused',
  'skipped',
]

/** Counts that are not zero: "41 ok, 2 changed". */
export function countPieces(counts: Partial<Record<Status, number>>): Piece[] {
  const present = order.filter((status) => counts[status])
  return present.flatMap((status, index): Piece[] => [
    index === 0 ? '' : ', ',
    [statusColour[status], `${counts[status]} ${status}`],
  ])
}

/** Why a task ended as it did; more lines only the summary has room for. */
const firstLine = ({ ended }: TaskRow) => harmless(ended?.reason ?? '').split('\n')[0] ?? ''

/** A task that ended: mark, name, what or why, how long. */
export function endedLine(row: TaskRow): Line {
  const event = row.ended
  if (!event) return [`    ${row.name}`]
  const reason = event.reason ? `: ${firstLine(row)}` : ''
  const what =
    reason || (event.status === 'would-change' && event.change)
      ? reason || `: ${harmless(event.change?.summary ?? '')}`
      : ''
  return [
    '    ',
    [statusColour[event.status], `${marks[event.status]} ${event.status}`],
    `  ${row.name}${what}  (${duration(event.ms)})`,
  ]
}

/** A task's name and how far it is. */
function named({ name, progress }: TaskRow): string {
  const percent =
    progress?.fraction === undefined ? '' : ` ${Math.floor(progress.fraction * 100)} %`
  return progress ? `${name}:${percent} ${harmless(progress.text)}` : name
}

/** The task a host is at: what is done, and how far it is. */
export function currentLine(row: TaskRow, spinner: string): Line {
  if (row.phase === 'waiting') return ['    ', ['dim', `${phases.waiting}  ${row.name}`]]
  return ['    ', ['cyan', `${spinner} ${phases[row.phase]}`], `  ${named(row)}`]
}

/** One line on a host: mark, name, counts, and how far it is or how long it took. */
export function hostLine(host: HostRow, width: number, spinner: string, over: boolean): Line {
  const total = host.tasks.length
  const mark: Piece = host.failed
    ? ['red', '✖']
    : host.ended === total
      ? ['green', '✔']
      : over
        ? ['dim', '-']
        : ['cyan', host.current ? spinner : ' ']
  const end = over || host.ended === total ? `  (${duration(host.ms)})` : `  ${host.ended}/${total}`
  const state: Piece[] = host.unreachable ? [['red', 'unreachable']] : countPieces(host.counts)
  return [mark, ` ${host.host.padEnd(width)}  `, ...state, ['dim', end]]
}

/** One line on a host with the task it is at: where there are too many for two. */
export function busyLine(host: HostRow, width: number, spinner: string): Line {
  const line = hostLine(host, width, spinner, false)
  const { current, failure } = host
  if (failure) return [...line, `  ${failure.name}: ${firstLine(failure)}`]
  if (!current) return line
  return [...line, '  ', ['cyan', phases[current.phase]], `  ${named(current)}`]
}

/** "500 hosts: 120 done, 1 failed, 4 changing, 26 checking, 349 waiting" and the sums of their tasks. */
export function sumLines(play: PlayRow): Line[] {
  const sums = { done: 0, failed: 0, changing: 0, checking: 0, waiting: 0 }
  const counts: Partial<Record<Status, number>> = {}
  for (const host of play.hosts) {
    sums[host.doing]++
    for (const status of order) {
      const count = host.counts[status]
      if (count) counts[status] = (counts[status] ?? 0) + count
    }
  }
  const parts: readonly (readonly [number, string, Colour])[] = [
    [sums.done, 'done', 'green'],
    [sums.failed, 'failed', 'red'],
    [sums.changing, 'changing', 'yellow'],
    [sums.checking, 'checking', 'cyan'],
    [sums.waiting, 'waiting', 'dim'],
  ]
  const pieces = parts
    .filter(([count]) => count > 0)
    .flatMap(([count, word, colour], index): Piece[] => [
      index === 0 ? '' : ', ',
      [colour, `${count} ${word}`],
    ])
  return [
    [`  ${counted(play.hosts.length, 'host')}: `, ...pieces],
    ['  tasks: ', ...countPieces(counts)],
  ]
}
