import { poll } from '../core/poll.ts'
import type { CheckHost, Host, Task } from '../core/task.ts'
import { resource, type TaskOptions } from './shared/resource.ts'

/** true where it is so; else what is still missing, with how far it is where that is known. */
export type Probed = true | string | { readonly fraction: number; readonly text: string }

/** What `waitUntil` is told. */
export interface WaitOptions extends Omit<TaskOptions, 'timeoutMs'> {
  /** Looks once, changing nothing; what it throws ends the wait. */
  readonly probe: (host: CheckHost) => Promise<Probed>
  /** Is called before every look of the wait, to make it shorter. */
  readonly nudge?: (host: Host) => Promise<unknown>
  readonly timeoutMs: number
  /** Time between two looks; a second unless given. */
  readonly everyMs?: number
}

/** Waits for something that happens by itself: a resync, a takeover, a peer that comes back. */
export function waitUntil(title: string, options: WaitOptions): Task {
  const { probe, nudge, timeoutMs, everyMs = 1000, ...rest } = options
  return resource(title, rest, {
    // The engine's own limit comes later than ours, which names what was missing.
    timeoutMs: timeoutMs + 60_000,
    async check(host) {
      const probed = await probe(host)
      return probed === true ? undefined : { summary: `not yet: ${textOf(probed)}` }
    },
    async apply(host) {
      let text = ''
      const look = async () => {
        await nudge?.(host)
        const probed = await probe(host)
        if (probed === true) return true
        text = textOf(probed)
        host.progress(text, typeof probed === 'string' ? undefined : probed.fraction)
        return undefined
      }
      const { signal } = host
      if (await poll(look, { everyMs, limitMs: timeoutMs, signal, what: title })) return
      throw new Error(`Waited ${timeoutMs / 1000} s for: ${title}; still missing: ${text}`)
    },
  })
}

function textOf(probed: Exclude<Probed, true>): string {
  return typeof probed === 'string' ? probed : probed.text
}
