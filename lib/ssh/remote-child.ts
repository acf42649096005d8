import { EventEmitter } from 'node:events'
import { PassThrough } from 'node:stream'
import { finished } from 'node:stream/promises'
import { endProcess } from './exec.ts'
import type { Connection } from './login/connection.ts'
import { type RemoteProcess, start } from './remote-process.ts'
import { Utf8Cutter } from './utf8.ts'

/** What a child is spawned with. */
export interface ChildOptions {
  readonly busyLock?: string | undefined
  /** Any of them aborted ends the process. */
  readonly signals: readonly AbortSignal[]
  /** Keeps standard input open even though nothing is connected to it at the start. */
  readonly keepStdin: boolean
}

const children = new Map<string, RemoteChild>()
let lastNumber = 0

/** The child of a pid that zx was given, as long as it runs. */
export function childOf(pid: unknown): RemoteChild | undefined {
  return children.get(String(pid))
}

/** Whether a pid is one of ours, whose process may have ended. */
export function isRemotePid(pid: unknown): boolean {
  return String(pid).startsWith('ssh:')
}

/** What `child_process.spawn` returns, for a process on a host; it starts one microtask later. */
export class RemoteChild extends EventEmitter {
  /** Never a number, with which zx's own kill would find a process of this machine. */
  readonly pid: string
  readonly stdin = new PassThrough()
  readonly stdout = new PassThrough()
  readonly stderr = new PassThrough()
  exitCode: number | null = null
  signalCode: NodeJS.Signals | null = null
  killed = false
  readonly #c: Connection
  readonly #options: ChildOptions
  /** Set while something that zx connects to stdin can deliver input. */
  #source: EventEmitter | undefined
  readonly #process: Promise<RemoteProcess>
  readonly #cutters = [new Utf8Cutter(), new Utf8Cutter()] as const

  constructor(c: Connection, script: string, options: ChildOptions) {
    super()
    this.pid = `ssh:${++lastNumber}`
    this.#c = c
    this.#options = options
    children.set(this.pid, this)
    this.stdin.on('pipe', (source: EventEmitter) => {
      this.#source = source
    })
    this.stdin.on('error', () => {})
    this.#process = this.#start(script)
    void this.#run()
  }

  /** Signals the process and its descendants on the host; waits for a start under way. */
  kill(signal: string = 'SIGTERM'): boolean {
    void this.terminate(signal)
    return true
  }

  /** Like kill, and resolves when the signal was sent; SIGTERM becomes SIGKILL in the end. */
  async terminate(signal: string = 'SIGTERM'): Promise<void> {
    this.killed = true
    const process = await this.#process.catch(() => undefined)
    if (!process) return
    if (signal === 'SIGTERM') await endProcess(process)
    else await process.kill(signal)
  }

  async #start(script: string): Promise<RemoteProcess> {
    // zx connects its pipes right after spawn returns.
    await Promise.resolve()
    return start(this.#c, script, {
      signal: AbortSignal.any([...this.#options.signals]),
      busyLock: this.#options.busyLock,
      onStdout: (chunk) => this.stdout.write(this.#cutters[0].push(chunk)),
      onStderr: (chunk) => this.stderr.write(this.#cutters[1].push(chunk)),
    })
  }

  async #run(): Promise<void> {
    const signal = AbortSignal.any([...this.#options.signals])
    const onAbort = () => this.kill()
    try {
      const process = await this.#process
      process.stdin.once('close', () => this.stdin.destroy())
      if (this.#hasInput()) this.stdin.pipe(process.stdin)
      else process.stdin.end()
      signal.addEventListener('abort', onAbort, { once: true })
      if (signal.aborted) onAbort()
      const end = await process.done
      this.exitCode = end.exitCode
      this.signalCode = end.signal
      if (signal.aborted) throw Object.assign(new Error('The operation was aborted'), aborted)
    } catch (error) {
      this.emit('error', this.#c.lost.aborted ? lostError(this.#c) : withErrno(error as Error))
    }
    signal.removeEventListener('abort', onAbort)
    children.delete(this.pid)
    this.stdin.destroy()
    this.emit('exit', this.exitCode, this.signalCode)
    this.stdout.end(this.#cutters[0].end())
    this.stderr.end(this.#cutters[1].end())
    await Promise.allSettled([finished(this.stdout), finished(this.stderr)])
    this.emit('close', this.exitCode, this.signalCode)
  }

  /** zx always connects a stream to stdin; only one with a source, or input, will ever end. */
  #hasInput(): boolean {
    if (this.#options.keepStdin || this.stdin.writableEnded || this.stdin.readableLength > 0) {
      return true
    }
    const source = this.#source
    return source !== undefined && (isFed(source) || !isIdle(source))
  }
}

/** A stream that another stream is piped into listens for being let go. */
function isFed(source: EventEmitter): boolean {
  return source.listenerCount('unpipe') > 0
}

/** zx's placeholder is a Transform that nobody has written to. */
function isIdle(source: EventEmitter): boolean {
  const { writableEnded, writableLength } = source as PassThrough
  return writableEnded === false && writableLength === 0
}

const aborted = { name: 'AbortError', code: 'ABORT_ERR', errno: -125 }

function lostError(c: Connection): Error {
  const reason = c.lost.reason as Error
  return Object.assign(new Error(reason.message, { cause: reason }), {
    code: 'ECONNRESET',
    errno: -104,
  })
}

function withErrno(error: Error): Error {
  return 'code' in error ? error : Object.assign(error, { code: 'EREMOTEIO', errno: -121 })
}
