import { type Change, type Task, task } from '../../core/task.ts'

/** What every resource may be told, besides what it is for. */
export interface TaskOptions
  extends Pick<
    Task,
    'tags' | 'notice' | 'barrier' | 'destroys' | 'disruptive' | 'timeoutMs' | 'onlyOn'
  > {
  /** Replaces the title that the resource gives itself. */
  readonly title?: string
}

/** The task of a resource: its two halves, and what the role said for every task. */
export function resource<C extends Change = Change>(
  title: string,
  options: TaskOptions,
  halves: Omit<Task<C>, 'title'>,
): Task {
  const { tags, notice, barrier, destroys, disruptive, timeoutMs, onlyOn } = options
  const { check, foresee } = halves
  return task<C>(options.title ?? title, {
    ...(tags && { tags }),
    ...(notice !== undefined && { notice }),
    ...(barrier !== undefined && { barrier }),
    ...(destroys && { destroys }),
    ...(disruptive && { disruptive }),
    ...(timeoutMs !== undefined && { timeoutMs }),
    ...halves,
    ...(onlyOn !== undefined && {
      onlyOn,
      check: async (host) => (host.name === onlyOn ? check(host) : undefined),
      ...(foresee && {
        foresee: async (host, found, files) =>
          host.name === onlyOn ? foresee(host, found, files) : undefined,
      }),
    }),
  })
}
