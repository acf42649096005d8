import type { Change, CheckHost } from '../core/task.ts'
import type { PlannedTask } from './plan.ts'

/** What a check said. */
export type Answer = { readonly change: Change | undefined } | { readonly error: unknown }

/** A task with its check under way; none where the task is skipped. */
export interface Asked {
  readonly planned: PlannedTask
  readonly began: number
  readonly answer: Promise<Answer> | undefined
}

/** Checks of neighbouring tasks, asked at once. */
export interface Lookahead {
  readonly asked: readonly Asked[]
  /** Asks nothing more for them: the answers are no longer wanted. */
  throwAway(): void
}

/** The signal of what is never thrown away. */
export const never = new AbortController().signal

/** Asks one check; never rejects. */
export async function ask({ task }: PlannedTask, view: CheckHost): Promise<Answer> {
  try {
    return { change: await task.check(view) }
  } catch (error) {
    return { error }
  }
}

/**
 * Looks at tasks from a place on, and remembers what each said last: the best guess of where the
 * next change is. A guess decides only how far to look, never what is true.
 */
export class Speculation {
  readonly #tasks: readonly PlannedTask[]
  readonly #right: (boolean | undefined)[] = []

  constructor(tasks: readonly PlannedTask[]) {
    this.#tasks = tasks
  }

  /** How many tasks from `next` on are worth asking now: up to the first that may differ. */
  window(next: number): number {
    const last = this.#tasks.length - 1
    let end = next
    while (end < last && (this.#tasks[end]?.skip || this.#right[end])) end++
    return end - next + 1
  }

  /** Asks the checks of `count` tasks at once. */
  from(next: number, count: number, view: CheckHost, thrownAway: AbortController): Lookahead {
    const asked = this.#tasks.slice(next, next + count).map((planned, index): Asked => {
      const began = performance.now()
      if (planned.skip) return { planned, began, answer: undefined }
      const answer = ask(planned, view).then((said) => {
        if (!thrownAway.signal.aborted || !('error' in said)) {
          this.#right[next + index] = !('error' in said) && said.change === undefined
        }
        return said
      })
      return { planned, began, answer }
    })
    return { asked, throwAway: () => thrownAway.abort() }
  }
}
