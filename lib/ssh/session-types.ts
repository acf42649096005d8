import type { Output } from '../core/task.ts'
import type { LockOptions } from './run-lock.ts'

/** How a session limits what is asked in it. */
export interface SessionOptions {
  /** Limit of each question, from when the host begins to run it. */
  readonly timeoutMs: number
  /** Limit of each stream of an answer, 16 MiB unless given; more than that rejects. */
  readonly maxOutputBytes?: number
  /** Taken with the shell's first request, so that it costs no round trip of its own. */
  readonly lock?: LockOptions | undefined
}

/** What may go with one question. */
export interface AskOptions {
  readonly timeoutMs?: number | undefined
  readonly stdin?: string | undefined
  /** It changes the host: where the shell dies under it, it is not asked again. */
  readonly change?: boolean | undefined
}

/** One persistent shell on a host; questions are written without waiting for earlier answers. */
export interface Session {
  /** What to do about it where commands do not run as root; empty where they do. */
  readonly notRoot: string
  /**
   * Asks what changes nothing (it may be asked twice), unless it is a `change`. Resolves whatever
   * the exit code; rejects on time-out, too much output, a lost connection or when there is no
   * answer.
   */
  ask(script: string, o?: AskOptions): Promise<Output>
  /**
   * Takes the lock that lets one run at a time change the host, held by the session's own shell;
   * waits for what a run that is no more has left running. Throws `Unreachable` naming the holder
   * if another run has it.
   */
  lock(o: LockOptions): Promise<void>
  close(): Promise<void>
}
