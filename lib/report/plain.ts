import type { Event, Status, TaskRef } from '../engine/events.ts'
import { harmless, painter, statusColour } from './colour.ts'
import { diffLines } from './diff.ts'
import { recapLines } from './recap-lines.ts'
import type { Reporter, ReportOptions } from './reporter.ts'
import { duration } from './text.ts'

/** A long task says how far it is at most this often, in milliseconds. */
const progressEvery = 5000
const statusWidth = 'would-change'.length

/** A host's words may have lines of their own; an event has one. */
const oneLine = (text: string) => harmless(text.trim().replace(/\s*\n\s*/g, '; '))

/** One line per event that matters, the same on every run: made for logs and grep. */
export function plain(options: ReportOptions): Reporter {
  const paint = painter(options.colour ?? options.isTTY)
  const tasks = new Map<string, TaskRef>()
  const progressAt = new Map<string, number>()
  let check = false
  let width = 0

  const say = (...lines: string[]) => options.stdout.write(`${lines.join('\n')}\n`)
  const row = (host: string, word: string, text: string) =>
    say(`${host.padEnd(width)}  ${word}  ${text}`.trimEnd())
  const name = (id: string) => {
    const task = tasks.get(id)
    return task ? `${task.role}: ${task.title}` : id
  }
  const status = (word: Status | 'unreachable') =>
    paint(word === 'unreachable' ? 'red' : statusColour[word], word.padEnd(statusWidth))
  const indented = (lines: readonly string[]) => say(...lines.map((line) => `    ${line}`))

  function progress(event: Extract<Event, { type: 'task-progress' }>): void {
    const last = progressAt.get(event.task)
    if (last !== undefined && event.at - last < progressEvery) return
    progressAt.set(event.task, event.at)
    const percent = event.fraction === undefined ? '' : `${Math.floor(event.fraction * 100)} % `
    row(event.host, 'progress    ', `${name(event.task)}: ${percent}${oneLine(event.text)}`)
  }

  function ended(event: Extract<Event, { type: 'task-end' }>): void {
    progressAt.delete(event.task)
    if ((event.status === 'ok' || event.status === 'skipped') && !options.verbose) return
    const parts = [name(event.task)]
    if ((event.status === 'would-change' || event.status === 'changed') && event.change) {
      parts.push(`: ${oneLine(event.change.summary)}`)
    }
    // A reason may have lines of its own: command, output. They belong under the first.
    const [reason = '', ...more] = harmless(event.reason ?? '').split('\n')
    if (event.status !== 'ok' && reason) parts.push(`: ${reason}`)
    if (event.where) parts.push(` (${event.where})`)
    parts.push(`  (${duration(event.ms)})`)
    row(event.host, status(event.status), parts.join(''))
    if (more.length > 0) indented(more)
    if (options.diff && event.change?.diff) indented(diffLines(event.change.diff, paint))
  }

  const listener = (event: Event): void => {
    switch (event.type) {
      case 'run-start':
        check = event.check
        width = Math.max(0, ...event.hosts.map((host) => host.length))
        say(
          `${event.playbook} on ${event.inventory}${check ? ', check only: changes nothing' : ''}`,
        )
        break
      case 'notice':
        row(event.host ?? '-', 'note        ', harmless(event.text))
        break
      case 'host-connected':
        if (options.verbose) row(event.host, 'connected   ', `(${duration(event.ms)})`)
        break
      case 'host-unreachable':
        row(event.host, status('unreachable'), harmless(event.error))
        break
      case 'play-start':
        for (const task of event.hosts.flatMap((host) => host.tasks)) tasks.set(task.id, task)
        say(paint('bold', `== ${event.title}`))
        break
      case 'task-progress':
        progress(event)
        break
      case 'task-end':
        ended(event)
        break
      case 'run-end':
        say('', ...recapLines(event, check, paint))
        break
    }
  }
  return { listener, end: async () => {} }
}
