import { setTimeout as sleep } from 'node:timers/promises'
import { Interrupted } from './errors.ts'

/** How `poll` waits; times in milliseconds. */
export interface PollOptions {
  /** Pause between two questions. */
  readonly everyMs: number
  /** When it gives up; never, unless given. */
  readonly limitMs?: number
  /** Ends the wait with `Interrupted`. */
  readonly signal?: AbortSignal | undefined
  /** What is waited for, for whoever interrupted it. */
  readonly what?: string
}

/** Asks again and again until the answer is not undefined. Asks at least once. */
export function poll<T>(
  ask: () => Promise<T | undefined>,
  options: PollOptions & { readonly limitMs?: never },
): Promise<T>
/** Like `poll`, but gives undefined where the time is up before there is an answer. */
export function poll<T>(
  ask: () => Promise<T | undefined>,
  options: PollOptions,
): Promise<T | undefined>
export async function poll<T>(
  ask: () => Promise<T | undefined>,
  { everyMs, limitMs = Number.POSITIVE_INFINITY, signal, what }: PollOptions,
): Promise<T | undefined> {
  const end = performance.now() + limitMs
  for (;;) {
    if (signal?.aborted) {
      throw new Interrupted(`Interrupted while waiting${what === undefined ? '' : `: ${what}`}`)
    }
    const answer = await ask()
    if (answer !== undefined) return answer
    const left = end - performance.now()
    if (left <= 0) return undefined
    // An abort only ends the pause; the top of the loop says so in words.
    await sleep(Math.min(everyMs, left), undefined, { ...(signal && { signal }) }).catch(() => {})
  }
}
