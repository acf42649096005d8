import { Readable } from 'node:stream'
import { StringDecoder } from 'node:string_decoder'
import { setTimeout as sleep } from 'node:timers/promises'
import { brief } from '../core/quote.ts'
import type { Output } from '../core/task.ts'
import { abortError } from './channel.ts'
import type { Connection } from './login/connection.ts'
import { type RemoteProcess, start } from './remote-process.ts'

/** What may go with a script. */
export interface ExecOptions {
  /** The script's standard input; empty unless given. */
  readonly stdin?: string | Buffer | Readable | undefined
  /** Kills the script and rejects after so many milliseconds. */
  readonly timeoutMs?: number | undefined
  /** Kills the script and rejects when aborted. */
  readonly signal?: AbortSignal | undefined
  readonly onStdout?: ((chunk: string) => void) | undefined
  readonly onStderr?: ((chunk: string) => void) | undefined
  /** File whose shared lock is held until the script ends, even if the controller dies first. */
  readonly busyLock?: string | undefined
}

const killGraceMs = 5_000

/**
 * Runs a script of `/bin/sh` on a channel of its own. Resolves whatever its exit code (null when
 * a signal ended it); rejects on time-out, abort and a lost connection. The script is handed over
 * stdin, ahead of its own input, and so never shows in the host's process list.
 */
export async function exec(c: Connection, script: string, o: ExecOptions = {}): Promise<Output> {
  if (o.signal?.aborted) throw abortError(c, o.signal)
  const stdout = new Text(o.onStdout)
  const stderr = new Text(o.onStderr)
  const process = await start(c, script, {
    signal: o.signal,
    busyLock: o.busyLock,
    onStdout: (chunk) => stdout.push(chunk),
    onStderr: (chunk) => stderr.push(chunk),
  })
  if (o.stdin instanceof Readable) o.stdin.pipe(process.stdin)
  else process.stdin.end(o.stdin)

  const stop = new AbortController()
  // Rejects when even SIGKILL did not end it: a process can hang in the kernel.
  const gaveUp = new Promise<never>((_, reject) => {
    const onStop = async () => (await endProcess(process)) || reject(stop.signal.reason)
    stop.signal.addEventListener('abort', onStop, { once: true })
  })
  const onAbort = () => o.signal && stop.abort(abortError(c, o.signal))
  o.signal?.addEventListener('abort', onAbort, { once: true })
  if (o.signal?.aborted) onAbort()
  const seconds = (o.timeoutMs ?? 0) / 1000
  const late = () =>
    stop.abort(new Error(`${c.name}: not done within ${seconds} s: ${brief(script)}`))
  const timer = o.timeoutMs === undefined ? undefined : setTimeout(late, o.timeoutMs)
  try {
    const end = await Promise.race([process.done, gaveUp])
    stop.signal.throwIfAborted()
    return { stdout: stdout.end(), stderr: stderr.end(), exitCode: end.exitCode }
  } finally {
    clearTimeout(timer)
    o.signal?.removeEventListener('abort', onAbort)
    if (o.stdin instanceof Readable) o.stdin.unpipe(process.stdin)
  }
}

/** SIGTERM, then SIGKILL; false when the process survives both. */
export async function endProcess(process: RemoteProcess): Promise<boolean> {
  for (const signal of ['SIGTERM', 'SIGKILL']) {
    void process.kill(signal)
    if (await endsWithin(process, killGraceMs)) return true
  }
  return false
}

async function endsWithin(process: RemoteProcess, ms: number): Promise<boolean> {
  const over = new AbortController()
  const ended = process.done.catch(() => {}).then(() => true)
  const late = sleep(ms, false, { signal: over.signal })
  return Promise.race([ended, late]).finally(() => over.abort())
}

class Text {
  readonly #chunks: Buffer[] = []
  readonly #decoder = new StringDecoder('utf8')
  readonly #listener: ((chunk: string) => void) | undefined

  constructor(listener: ((chunk: string) => void) | undefined) {
    this.#listener = listener
  }

  push(chunk: Buffer): void {
    this.#chunks.push(chunk)
    const text = this.#listener && this.#decoder.write(chunk)
    if (text) this.#listener?.(text)
  }

  end(): string {
    const rest = this.#decoder.end()
    if (rest) this.#listener?.(rest)
    return Buffer.concat(this.#chunks).toString('utf8')
  }
}
