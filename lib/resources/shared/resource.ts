import { UsageError } from '../../core/errors.ts'
import { type Change, type Task, task } from '../../core/task.ts'
import { show } from './validate.ts'

/** What every resource may be told, besides what it is for. */
export interface TaskOptions
  extends Pick<Task, 'tags' | 'notice' | 'barrier' | 'destroys' | 'disruptive' | 'timeoutMs'> {
  /** Replaces the title that the resource gives itself. */
  readonly title?: string
  /** The one host that the task is for; the other hosts of the play only wait at its barrier. */
  readonly onlyOn?: string
}

/** The task of a resource: its two halves, and what the role said for every task. */
export function resource<C extends Change = Change>(
  title: string,
  options: TaskOptions,
  halves: Omit<Task<C>, 'title'>,
): Task {
  const { tags, notice, barrier, destroys, disruptive, timeoutMs, onlyOn } = options
  const { check } = halves
  return task<C>(options.title ?? title, {
    ...(tags && { tags }),
    ...(notice !== undefined && { notice }),
    ...(barrier !== undefined && { barrier }),
    ...(destroys && { destroys }),
    ...(disruptive && { disruptive }),
    ...(timeoutMs !== undefined && { timeoutMs }),
    ...halves,
    ...(onlyOn !== undefined && {
      check: async (host) => (host.name === onlyOn ? check(host) : undefined),
    }),
  })
}

/** Gives `text` back where it is one printable line; `what` names it in the message. */
export function oneLine(text: string, what: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is refused
  if (text !== '' && !/[\u0000-\u001f\u007f]/.test(text)) return text
  throw new UsageError(`Expected ${what} to be one line of text, got ${show(text)}`)
}
