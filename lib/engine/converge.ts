import { Interrupted, Refusal, sentence, Unreachable } from '../core/errors.ts'
import { masked } from '../core/secret.ts'
import type { Change } from '../core/task.ts'
import { apply, type Target } from './apply.ts'
import type { EventBody, Status } from './events.ts'
import type { PlannedTask } from './plan.ts'
import { type Answer, type Lookahead, never, Speculation } from './speculate.ts'

/** What check mode has named on a host and not made. */
export interface Pending {
  any: boolean
  readonly files: Set<string>
}

type Ending = Pick<Extract<EventBody, { type: 'task-end' }>, 'change' | 'reason' | 'where'>

/** How a list of tasks is run. */
export interface ConvergeOptions {
  /** Changes nothing; says what would change. */
  readonly check: boolean
  /** Tells every task that fails its check instead of stopping at the first. */
  readonly keepGoing: boolean
  readonly signal: AbortSignal
  readonly emit: (event: EventBody) => void
}

/**
 * Brings one host to the wanted state of `tasks`, in order, and tells whether it may go on.
 *
 * All checks are asked at once: while they say "nothing differs" each later answer saw what a
 * sequential run would have seen. One that differs is applied, the answers behind it are thrown
 * away, and it is checked again with those behind it, up to the next that is likely to differ.
 * `pending` carries over segments: check mode has named changes that were not made.
 */
export async function converge(
  tasks: readonly PlannedTask[],
  target: Target,
  options: ConvergeOptions,
  pending: Pending,
): Promise<boolean> {
  const { emit } = options
  const speculation = new Speculation(tasks)
  let next = 0
  let window = tasks.length
  let well = true
  let look: Lookahead | undefined
  while (next < tasks.length) {
    const thrownAway = new AbortController()
    const now: Lookahead =
      look ?? speculation.from(next, window, target.look(thrownAway.signal), thrownAway)
    look = undefined
    for (const { planned, began, answer } of now.asked) {
      if (options.signal.aborted) throw new Interrupted('interrupted')
      const one = { host: target.name, task: planned.id }
      const end = (status: Status, more: Ending = {}) => {
        const ms = Math.round(performance.now() - began)
        emit({ type: 'task-end', ...one, status, ms, ...more })
      }
      const fail = (error: unknown, change?: Change) => {
        end(...failure(error, change))
        // A host that went away in the middle counts as unreachable, not only as a failed task.
        if (!(error instanceof Unreachable)) return
        emit({ type: 'host-unreachable', host: target.name, error: sentence(error) })
      }
      next++
      if (!answer) {
        end('skipped', { reason: 'not selected' })
        continue
      }
      emit({ type: 'task-start', ...one, phase: 'check' })
      const said = await answer
      const result = options.check ? await foreseen(planned, said, target, pending.files) : said
      if ('error' in result) {
        const { error } = result
        const isKnown = error instanceof Refusal || error instanceof Unreachable
        if (pending.any && !isKnown) {
          end('unknown', { reason: 'is known only after the changes above' })
          continue
        }
        fail(error)
        well = false
        if (options.keepGoing) continue
        now.throwAway()
        return false
      }
      if (!result.change) {
        end('ok')
        continue
      }
      if (options.check) {
        // Nothing is applied, so the answers behind this one stand as they are.
        pending.any = true
        for (const path of result.change.diff?.paths ?? []) pending.files.add(path)
        if (result.change.diff) pending.files.add(result.change.diff.path)
        end('would-change', { change: result.change })
        continue
      }
      now.throwAway()
      try {
        look = await apply(planned, result.change, target, emit, (view, thrownAway) => {
          window = speculation.window(next)
          return speculation.from(next, window, view, thrownAway)
        })
        end('changed', { change: result.change })
      } catch (error) {
        fail(error, result.change)
        return false
      }
      break
    }
    if (!look) window = Math.max(window * 2, speculation.window(next))
  }
  return well
}

/** What a run would find where this one only looks: a restart, say, that follows a file. */
async function foreseen(planned: PlannedTask, said: Answer, target: Target, files: Set<string>) {
  const { task } = planned
  if (!task.foresee || 'error' in said) return said
  try {
    return { change: await task.foresee(target.look(never), said.change, files) }
  } catch (error) {
    return { error }
  }
}

/** Longest line of a reason, in characters, and how many of its first and last lines are told. */
const limits = { line: 1000, first: 10, last: 40 }

/** What can be read of a long reason: a failed command may have written millions of characters. */
function shortened(text: string): string {
  const lines = masked(text).split('\n')
  const short = (line: string) =>
    line.length > limits.line ? `${line.slice(0, limits.line)}… (${line.length} characters)` : line
  const surplus = lines.length - limits.first - limits.last
  if (surplus <= 1) return lines.map(short).join('\n')
  return lines.toSpliced(limits.first, surplus, `… (${surplus} lines)`).map(short).join('\n')
}

function failure(error: unknown, change?: Change): [Status, Ending] {
  const where = error instanceof Error ? roleLine(error.stack) : undefined
  return [
    error instanceof Refusal ? 'refused' : 'failed',
    { reason: shortened(sentence(error)), ...(where && { where }), ...(change && { change }) },
  ]
}

/** The first stack line inside a role or playbook: `roles/drbd/init.ts:42`. */
export function roleLine(stack: string | undefined): string | undefined {
  return stack?.match(/\b((?:roles|playbooks)\/[^\s:()]+:\d+)/)?.[1]
}
