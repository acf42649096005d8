import { Listr } from 'listr2'
import type { Event } from '../../engine/events.ts'
import { harmless, painter } from '../colour.ts'
import { diffLines } from '../diff.ts'
import { recapLines } from '../recap-lines.ts'
import type { Reporter, ReportOptions } from '../reporter.ts'
import { endedLine, hostLine, sumLines } from './lines.ts'
import { fitted, type Line, type Screen, screenOn } from './screen.ts'
import { TreeRenderer, widest } from './tree.ts'
import { type HostRow, PlayRow } from './tree-rows.ts'

/** Above this many hosts a play that has ended names only those that failed. */
const namedHosts = 40

/** A live tree on a terminal: play, hosts, the task each is at, and what changed or failed. */
export function live(options: ReportOptions): Reporter {
  const paint = painter(options.colour ?? options.isTTY)
  const asked = (value: number | (() => number) | undefined, usual: number) => () =>
    typeof value === 'function' ? value() : (value ?? usual)
  const columns = asked(options.columns, 80)
  const screen = screenOn(options.stdout, columns, asked(options.rows, 24), paint)
  // Plays follow each other; the list of one must be drawn to its end before the next begins.
  let queue: Promise<unknown> = Promise.resolve()
  let play: PlayRow | undefined
  let check = false
  let hosts = 0
  let connected = 0

  const whole = (line: Line) => fitted(line, Number.POSITIVE_INFINITY, paint)

  function summary(row: PlayRow): string[] {
    const width = widest(row)
    const many = row.hosts.length > namedHosts
    const shown = many ? row.hosts.filter((host) => host.failed) : row.hosts
    const lines: Line[] = [[['bold', `== ${row.title}`]], ...(many ? sumLines(row) : [])]
    return [...lines.map(whole), ...shown.flatMap((host) => hostSummary(host, width))]
  }

  function hostSummary(host: HostRow, width: number): string[] {
    const tasks = options.verbose ? host.tasks.filter(({ ended }) => ended) : host.notable
    return [
      whole(hostLine(host, width, '', true)),
      ...tasks.flatMap((task) => {
        const event = task.ended
        const [, ...more] = harmless(event?.reason ?? '').split('\n')
        if (event?.where) more.push(`at ${event.where}`)
        if (options.diff && event?.change?.diff) more.push(...diffLines(event.change.diff, paint))
        return [whole(endedLine(task)), ...more.map((line) => `      ${line}`)]
      }),
    ]
  }

  const listener = (event: Event): void => {
    switch (event.type) {
      case 'run-start':
        check = event.check
        hosts = event.hosts.length
        screen.print([
          `${event.playbook} on ${event.inventory}${check ? ', check only: changes nothing' : ''}`,
        ])
        screen.show(() => [[['cyan', `connecting: ${connected} of ${hosts}`]]])
        break
      case 'host-connected':
        connected++
        break
      case 'notice':
        screen.print([`${event.host ? `${event.host}  ` : ''}${harmless(event.text)}`])
        break
      case 'host-unreachable':
        screen.print([`${paint('red', '✖ unreachable')}  ${event.host}  ${harmless(event.error)}`])
        play?.add(event)
        break
      case 'play-start': {
        const row = new PlayRow(event)
        play = row
        const list = listOf(row, screen, () => summary(row))
        queue = queue.then(() => list.run()).catch(() => {})
        break
      }
      case 'play-end':
        play?.close()
        break
      case 'run-end':
        play?.close()
        queue = queue.then(() => {
          screen.hide()
          screen.print(['', ...recapLines(event, check, paint)])
        })
        break
      default:
        play?.add(event)
    }
  }
  return {
    listener,
    aside: screen.aside,
    end: async () => {
      // An engine that threw sent no ends: the lists must not wait for them.
      play?.close()
      await queue
      screen.hide()
    },
  }
}

/**
 * A list of hosts at once, all resolving from events. Their tasks are no lists of listr2's: for
 * 500 hosts with 46 tasks each its promises would take a fifth of a second and 60 MiB.
 */
function listOf(play: PlayRow, screen: Screen, summary: () => readonly string[]) {
  return new Listr<unknown, typeof TreeRenderer, typeof TreeRenderer>(
    play.hosts.map((host) => ({
      title: host.host,
      rendererOptions: { row: host },
      task: async () => {
        await host.done
        if (host.failed) throw new Error(host.failure?.ended?.reason ?? 'unreachable')
      },
    })),
    {
      renderer: TreeRenderer,
      rendererOptions: { screen, play, summary },
      fallbackRenderer: TreeRenderer,
      fallbackRendererOptions: { screen, play, summary },
      concurrent: true,
      exitOnError: false,
      collectErrors: 'minimal',
      registerSignalListeners: false,
    },
  )
}
