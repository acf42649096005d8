import { Interrupted, Refusal, sentence, Unreachable } from '../errors.ts'
import type { Change, CheckHost, Host } from '../task.ts'
import type { EventBody, Status } from './events.ts'
import type { PlannedTask } from './plan.ts'

/** What `converge` needs of one host. */
export interface Site {
  readonly name: string
  /** A view for checks; once `thrownAway` is aborted it asks nothing more. */
  look(thrownAway: AbortSignal): CheckHost
  /** Runs one apply half; `timeoutMs` overrides the inventory's. */
  apply(work: (host: Host) => Promise<void>, task: PlannedTask): Promise<void>
  /** Lets one disruptive task run at a time over all hosts. */
  exclusively<T>(work: () => Promise<T>): Promise<T>
}

/** How a list of tasks is run. */
export interface ConvergeOptions {
  /** Changes nothing; says what would change. */
  readonly check: boolean
  /** Tells every task that fails its check instead of stopping at the first. */
  readonly keepGoing: boolean
  readonly signal: AbortSignal
  readonly emit: (event: EventBody) => void
}

type Answer = { readonly change: Change | undefined } | { readonly error: unknown }

const never = new AbortController().signal

/**
 * Brings one host to the wanted state of `tasks`, in order, and tells whether it may go on.
 *
 * All checks are asked at once. While they say "nothing differs" each later answer saw what a
 * sequential run would have seen. The first that differs is applied and checked again, the answers
 * behind it are thrown away, and the next window starts at one task and doubles while all is well.
 * `state.pending` carries over segments: check mode has named a change that was not made.
 */
export async function converge(
  tasks: readonly PlannedTask[],
  site: Site,
  options: ConvergeOptions,
  state: { pending: boolean },
): Promise<boolean> {
  const { emit } = options
  let next = 0
  let window = tasks.length
  let well = true
  while (next < tasks.length) {
    const thrownAway = new AbortController()
    const view = site.look(thrownAway.signal)
    const batch = tasks.slice(next, next + window).map((planned) => {
      const began = Date.now()
      return { planned, began, answer: planned.skip ? undefined : ask(planned, view) }
    })
    let changed = false
    for (const { planned, began, answer } of batch) {
      if (options.signal.aborted) throw new Interrupted('interrupted')
      const end = (
        status: Status,
        more: { change?: Change; reason?: string; where?: string } = {},
      ) =>
        emit({
          type: 'task-end',
          host: site.name,
          task: planned.id,
          status,
          ms: Date.now() - began,
          ...more,
        })
      next++
      if (!answer) {
        end('skipped', { reason: 'not selected' })
        continue
      }
      emit({ type: 'task-start', host: site.name, task: planned.id, phase: 'check' })
      const result = await answer
      if ('error' in result) {
        if (state.pending && !(result.error instanceof Refusal)) {
          end('unknown', { reason: 'cannot be told before the changes above are made' })
          continue
        }
        end(...failure(result.error))
        lost(result.error, site, emit)
        well = false
        if (options.keepGoing) continue
        thrownAway.abort()
        return false
      }
      if (!result.change) {
        end('ok')
        continue
      }
      if (options.check) {
        // Nothing is applied, so the answers behind this one stand as they are.
        state.pending = true
        end('would-change', { change: result.change })
        continue
      }
      thrownAway.abort()
      changed = true
      try {
        await make(planned, result.change, site, emit)
        end('changed', { change: result.change })
      } catch (error) {
        end(...failure(error, result.change))
        lost(error, site, emit)
        return false
      }
      break
    }
    window = changed ? 1 : window * 2
  }
  return well
}

async function ask({ task }: PlannedTask, view: CheckHost): Promise<Answer> {
  try {
    return { change: await task.check(view) }
  } catch (error) {
    return { error }
  }
}

/** Guards, applies and checks again. Throws where any of the three says no. */
async function make(
  planned: PlannedTask,
  change: Change,
  site: Site,
  emit: ConvergeOptions['emit'],
): Promise<void> {
  const { task } = planned
  const work = async () => {
    const fresh = site.look(never)
    if (task.destroys) await task.destroys.proof(fresh)
    if (task.disruptive) await task.disruptive(fresh)
    emit({ type: 'task-start', host: site.name, task: planned.id, phase: 'apply', change })
    try {
      await site.apply((host) => task.apply(host, change), planned)
    } catch (error) {
      if (!(error instanceof Unreachable)) throw error
      throw new Unreachable(
        `${sentence(error)}; the change may be half made (${change.summary}): run again, it looks first`,
      )
    }
    emit({ type: 'task-start', host: site.name, task: planned.id, phase: 'recheck' })
    const left = await task.check(site.look(never))
    if (left) throw new Error(`the change did not take: still ${left.summary}`)
  }
  await (task.disruptive ? site.exclusively(work) : work())
}

function failure(
  error: unknown,
  change?: Change,
): [Status, { reason: string; where?: string; change?: Change }] {
  const where = error instanceof Error ? roleLine(error.stack) : undefined
  return [
    error instanceof Refusal ? 'refused' : 'failed',
    { reason: sentence(error), ...(where && { where }), ...(change && { change }) },
  ]
}

/** A host that went away in the middle counts as unreachable, not only as a failed task. */
function lost(error: unknown, site: Site, emit: ConvergeOptions['emit']): void {
  if (!(error instanceof Unreachable)) return
  emit({ type: 'host-unreachable', host: site.name, error: sentence(error) })
}

/** The first stack line inside a role or playbook: `roles/drbd/init.ts:42`. */
export function roleLine(stack: string | undefined): string | undefined {
  return stack?.match(/\b((?:roles|playbooks)\/[^\s:()]+:\d+)/)?.[1]
}
