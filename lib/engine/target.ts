import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Shell } from 'zx/core'
import type { CheckHost, Host } from '../core/task.ts'
import type { Inventory } from '../inventory/types.ts'
import { askOf, busyPathOf, quickWrite, type Session, writeFile } from '../ssh/index.ts'
import type { Sent, Target } from './apply.ts'
import type { EventBody } from './events.ts'
import type { Pool } from './pool.ts'

/** The lock that lets one run at a time change a host; in a folder of root's alone, so that nobody else can block a run. */
export const lockPath = '/run/tandem/run.lock'

/** SIGTERM and SIGKILL each have five seconds. */
const stopMs = 12_000

/** A host as checks see it, connected when first asked; `onPeer` hears when another host is asked for. */
export function checkHost(
  pool: Pool,
  name: string,
  thrownAway: AbortSignal,
  onPeer: () => void = () => {},
): CheckHost {
  return {
    name,
    platform: pool.platform(name),
    $: askOf({
      ask: async (script, options) => {
        const { session } = await pool.connection(name)
        if (thrownAway.aborted) throw new Error('thrown away')
        return session.ask(script, options)
      },
    }),
    peer: (other) => {
      onPeer()
      return checkHost(pool, other, thrownAway)
    },
  }
}

/** Counts one quick command, and notes in `sent.lingers` where its apply half goes on after it. */
export function watch(command: Promise<unknown>, sent: Sent, isOver: () => boolean): void {
  sent.quick++
  // The next tick comes after all that the answer itself sets off, and before any timer or I/O: on a
  // busy machine a short wait of the apply half would be over before an immediate.
  const after = () =>
    process.nextTick(() => {
      if (!isOver()) sent.lingers = true
    })
  command.then(after, after)
}

/** One disruptive task at a time over all hosts of a run. */
export class Turn {
  #last: Promise<unknown> = Promise.resolve()

  take<T>(work: () => Promise<T>): Promise<T> {
    const mine = this.#last.then(work)
    this.#last = mine.catch(() => {})
    return mine
  }
}

/** What all hosts of a run share, and the host's lock file. */
export interface TargetOptions {
  readonly turn: Turn
  readonly emit: (event: EventBody) => void
  readonly interrupted: AbortSignal
  readonly lockPath: string
}

/** One host as `converge` needs it, over real connections. */
export function target(name: string, pool: Pool, inventory: Inventory, run: TargetOptions): Target {
  const { turn, emit, interrupted } = run
  // Held by every apply command: the next run waits for what an ended controller left behind.
  const busyLock = busyPathOf(run.lockPath)
  return {
    name,
    look: (thrownAway, onPeer) => checkHost(pool, name, thrownAway, onPeer),
    exclusively: (work) => turn.take(work),
    apply: async (work, planned, sent) => {
      const { connection, session } = await pool.connection(name)
      const limit = planned.task.timeoutMs ?? inventory.timeouts.apply
      // Only a time-out ends a command on a host; an interrupted run lets what it began finish,
      // because half an apt-get or mkfs is worse than a late one.
      const late = new AbortController()
      const timer = setTimeout(() => late.abort(), limit)
      const timedOut = once(late.signal, 'abort')
      const limits = { signal: late.signal, busyLock }
      let over = false
      const isOver = () => over
      // zx takes its time to load, and a run that changes nothing does without.
      const { remote } = await import('../ssh/remote-shell.ts')
      let shell: Shell | undefined
      const changing: Pick<Session, 'ask'> = {
        ask: (script, options) => {
          if (late.signal.aborted) throw new Error('stopped')
          return session.ask(script, { ...options, change: true })
        },
      }
      const quick = askOf(changing)
      const host: Host = {
        ...checkHost(pool, name, late.signal),
        get sh() {
          sent.other++
          shell ??= remote(connection, limits)
          return shell
        },
        quick: (pieces, ...values) => {
          const question = quick(pieces, ...values)
          watch(question, sent, isOver)
          return question
        },
        write: (path, content, options) => {
          const written = quickWrite(changing, name, path, content, options)
          if (written) {
            watch(written, sent, isOver)
            return written
          }
          sent.other++
          return writeFile(connection, path, content, { ...options, ...limits })
        },
        progress: (text, fraction) => {
          const more = fraction === undefined ? {} : { fraction }
          emit({ type: 'task-progress', host: name, task: planned.id, text, ...more })
        },
        signal: AbortSignal.any([interrupted, late.signal]),
      }
      try {
        const working = work(host)
        await Promise.race([working, timedOut])
        if (!late.signal.aborted) return
        const settled = Promise.allSettled([working])
        const ended = await Promise.race([settled, sleep(stopMs, false, { ref: false })])
        const how = ended ? 'was stopped' : 'could not be stopped: it still runs on the host'
        throw new Error(`did not end within ${Math.round(limit / 1000)} s and ${how}`)
      } catch (error) {
        throw connection.lost.aborted ? connection.lost.reason : error
      } finally {
        over = true
        clearTimeout(timer)
      }
    },
  }
}
