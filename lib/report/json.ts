import type { Change } from '../core/task.ts'
import type { Event } from '../engine/events.ts'
import { harmlessJson } from './colour.ts'
import type { Reporter, ReportOptions } from './reporter.ts'

function change({ summary, diff }: Change): Change {
  if (!diff) return { summary }
  const { path, before, after, secret } = diff
  const hidden = { path, before: undefined, after: undefined, secret: true }
  return { summary, diff: secret ? hidden : { path, before, after } }
}

/** The event with nothing but what its type promises: plans and changes may carry more. */
function lean(event: Event): Event {
  if (event.type === 'play-start') {
    const hosts = event.hosts.map(({ host, tasks }) => ({
      host,
      tasks: tasks.map(({ id, title, role, tags }) => ({ id, title, role, tags })),
    }))
    return { ...event, hosts }
  }
  if ((event.type === 'task-start' || event.type === 'task-end') && event.change) {
    return { ...event, change: change(event.change) }
  }
  return event
}

/** One JSON object a line: the events themselves, without the texts of secrets. */
export function json(options: ReportOptions): Reporter {
  return {
    listener: (event) => options.stdout.write(`${harmlessJson(lean(event))}\n`),
    end: async () => {},
  }
}
