import type { Inventory } from '../inventory/types.ts'
import { askOf, busyPathOf, remote, type Session, writeFile } from '../ssh/index.ts'
import type { CheckHost, Host } from '../task.ts'
import type { Site } from './converge.ts'
import type { EventBody } from './events.ts'
import type { Pool } from './pool.ts'

/** The lock that lets one run at a time change a host; in a directory any user may write. */
export const lockPath = '/run/lock/tandem.lock'
/** A session that is opened when first asked, and asks nothing once `thrownAway`. */
function lazySession(pool: Pool, host: string, thrownAway: AbortSignal): Session {
  return {
    ask: async (script, options) => {
      const { session } = await pool.line(host)
      if (thrownAway.aborted) throw new Error('thrown away')
      return session.ask(script, options)
    },
    lock: async (...args) => (await pool.line(host)).session.lock(...args),
    close: async () => {},
  }
}

/** A host as checks see it. */
export function checkHost(
  pool: Pool,
  inventory: Inventory,
  name: string,
  thrownAway: AbortSignal,
): CheckHost {
  return {
    name,
    $: askOf(lazySession(pool, name, thrownAway)),
    peer: (other) => checkHost(pool, inventory, other, thrownAway),
  }
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
export interface SiteOptions {
  readonly turn: Turn
  readonly emit: (event: EventBody) => void
  readonly interrupted: AbortSignal
  readonly lockPath: string
}

/** One host as `converge` needs it, over real connections. */
export function site(name: string, pool: Pool, inventory: Inventory, run: SiteOptions): Site {
  const { turn, emit, interrupted } = run
  // Held by every apply command: the next run waits for what an ended controller left behind.
  const busyLock = busyPathOf(run.lockPath)
  return {
    name,
    look: (thrownAway) => checkHost(pool, inventory, name, thrownAway),
    exclusively: (work) => turn.take(work),
    apply: async (work, planned) => {
      const { connection } = await pool.line(name)
      const limit = planned.task.timeoutMs ?? inventory.timeouts.apply
      // Only a time-out ends a command on a host; an interrupted run lets what it began finish,
      // because half an apt-get or mkfs is worse than a late one.
      const late = new AbortController()
      const timer = setTimeout(() => late.abort(), limit)
      const timedOut = new Promise<never>((_, reject) => {
        late.signal.addEventListener('abort', () =>
          reject(new Error(`did not end within ${Math.round(limit / 1000)} s and was stopped`)),
        )
      })
      const host: Host = {
        ...checkHost(pool, inventory, name, late.signal),
        sh: remote(connection, { signal: late.signal, busyLock }),
        write: (path, content, options) =>
          writeFile(connection, path, content, {
            ...options,
            signal: late.signal,
            busyLock,
          }),
        progress: (text, fraction) =>
          emit({
            type: 'task-progress',
            host: name,
            task: planned.id,
            text,
            ...(fraction !== undefined && { fraction }),
          }),
        signal: AbortSignal.any([interrupted, late.signal]),
      }
      try {
        await Promise.race([work(host), timedOut])
      } finally {
        clearTimeout(timer)
      }
    },
  }
}
