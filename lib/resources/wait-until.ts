import { setTimeout as sleep } from 'node:timers/promises'
import { Interrupted } from '../core/errors.ts'
import type { CheckHost, Task } from '../core/task.ts'
import { resource, type TaskOptions } from './shared/resource.ts'

/** true where it is so; else what is still missing, with how far it is where that is known. */
export type Probed = true | string | { readonly fraction: number; readonly text: string }

/** What `waitUntil` is told. */
export interface WaitOptions extends Omit<TaskOptions, 'timeoutMs'> {
  /** Looks once, changing nothing; what it throws ends the wait. */
  readonly probe: (host: CheckHost) => Promise<Probed>
  readonly timeoutMs: number
  /** Time between two looks; a second unless given. */
  readonly everyMs?: number
}

/** Waits for something that happens by itself: a resync, a takeover, a peer that comes back. */
export function waitUntil(title: string, options: WaitOptions): Task {
  const { probe, timeoutMs, everyMs = 1000, ...rest } = options
  return resource(title, rest, {
    // The engine's own limit comes later than ours, which names what was missing.
    timeoutMs: timeoutMs + 60_000,
    async check(host) {
      const probed = await probe(host)
      return probed === true ? undefined : { summary: `not yet: ${textOf(probed)}` }
    },
    async apply(host) {
      const end = performance.now() + timeoutMs
      for (;;) {
        if (host.signal.aborted) throw new Interrupted(`Interrupted while waiting: ${title}`)
        const probed = await probe(host)
        if (probed === true) return
        const text = textOf(probed)
        host.progress(text, typeof probed === 'string' ? undefined : probed.fraction)
        if (performance.now() + everyMs > end) {
          throw new Error(`Waited ${timeoutMs / 1000} s for: ${title}; still missing: ${text}`)
        }
        // An abort only ends the pause; the top of the loop says so in words.
        await sleep(everyMs, undefined, { signal: host.signal }).catch(() => {})
      }
    },
  })
}

function textOf(probed: Exclude<Probed, true>): string {
  return typeof probed === 'string' ? probed : probed.text
}
