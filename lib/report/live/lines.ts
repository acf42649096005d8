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

const doingColour: Record<HostRow['doing'], Colour> = {
  done: 'green',
  failed: 'red',
  changing: 'yellow',
  checking: 'cyan',
  waiting: 'dim',
}

/** Counts that are not zero, each in its word's colour: "41 ok, 2 changed". */
function countPieces<K extends string>(
  colours: Readonly<Record<K, Colour>>,
  count: (word: K) => number | undefined,
): Piece[] {
  const present = (Object.keys(colours) as K[]).filter(count)
  return present.flatMap((word, index): Piece[] => [
    index === 0 ? '' : ', ',
    [colours[word], `${count(word)} ${word}`],
  ])
}

/** Why a task ended as it did; more lines only the summary has room for. */
const firstLine = ({ ended }: TaskRow) => harmless(ended?.reason ?? '').split('\n')[0] ?? ''

/** A task that ended: mark, name, what or why, how long. */
export function endedLine(row: TaskRow): Line {
  const event = row.ended
  if (!event) return [`    ${row.name}`]
  const summary = event.status === 'would-change' ? event.change?.summary : undefined
  const why = event.reason ? firstLine(row) : summary && harmless(summary)
  const what = why === undefined ? '' : `: ${why}`
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
  const state: Piece[] = host.unreachable
    ? [['red', 'unreachable']]
    : countPieces(statusColour, (status) => host.counts[status])
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
export function sumLines({ hosts }: PlayRow): Line[] {
  const doing = hosts.map((host) => host.doing)
  const are = (word: HostRow['doing']) => doing.filter((one) => one === word).length
  const ended = (status: Status) =>
    hosts.reduce((sum, { counts }) => sum + (counts[status] ?? 0), 0)
  return [
    [`  ${counted(hosts.length, 'host')}: `, ...countPieces(doingColour, are)],
    ['  tasks: ', ...countPieces(statusColour, ended)],
  ]
}
