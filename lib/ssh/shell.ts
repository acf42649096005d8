import { randomBytes } from 'node:crypto'
import { Unreachable } from '../core/errors.ts'
import type { Output } from '../core/task.ts'
import { openChannel, shellCommand, startFailure } from './channel.ts'
import { driver } from './driver.ts'
import { Frames, type Mark } from './frames.ts'
import { killTree } from './kill.ts'
import type { Channel, Connection } from './login/connection.ts'

const quietAfterExitMs = 200

/** What a shell reports of the requests sent to it, by their numbers. */
export interface ShellEvents {
  onPid(id: number, pid: number): void
  onEnd(id: number, output: Output): void
  /** The request's output passed the cap; the rest of it is dropped. */
  onFlood(id: number): void
  /** The shell is gone; requests without an end will get none. */
  onClose(): void
}

/** Collects one of a shell's two streams, cut at the end marks. */
class Stream {
  /** The request whose output arrives now: they run one after another. */
  current = 1
  text = ''
  readonly frames: Frames
  #chunks: Buffer[] = []
  #bytes = 0

  constructor(nonce: string, cap: number, onMark: (mark: Mark) => void, onFlood: () => void) {
    const onData = (data: Buffer) => {
      const before = this.#bytes
      this.#bytes += data.length
      if (this.#bytes <= cap) this.#chunks.push(data)
      else if (before <= cap) onFlood()
    }
    this.frames = new Frames(nonce, onData, (mark) => {
      if (mark.kind !== 'P') this.text = this.#take()
      onMark(mark)
    })
  }

  #take(): string {
    const text = Buffer.concat(this.#chunks).toString('utf8')
    this.#chunks = []
    this.#bytes = 0
    return text
  }
}

/** One `/bin/sh` on the host that runs requests in the order they are sent. */
export class HostShell {
  /** Whether it runs as root; true until it is `ready`. */
  isRoot = true
  /** Settles when the driver has answered; requests may be sent before that, right behind it. */
  readonly ready: Promise<void>
  readonly #c: Connection
  readonly #channel: Channel
  readonly #events: ShellEvents
  readonly #half = new Map<number, { out?: string; err?: string }>()
  #pid: number | undefined
  #streamsReady = 0
  #noise = ''
  #unsent = ''
  #closed = false
  #settleReady: { resolve: () => void; reject: (error: Error) => void } | undefined

  /** Opens a shell and hands it the driver. */
  static async open(
    c: Connection,
    cap: number,
    timeoutMs: number,
    events: ShellEvents,
  ): Promise<HostShell> {
    const channel = await openChannel(c, shellCommand(c, []))
    return new HostShell(c, channel, cap, timeoutMs, events)
  }

  private constructor(
    c: Connection,
    channel: Channel,
    cap: number,
    timeoutMs: number,
    events: ShellEvents,
  ) {
    this.#c = c
    this.#channel = channel
    this.#events = events
    const timer = setTimeout(() => {
      this.#fail(`${c.name}: the shell gave no answer within ${timeoutMs / 1000} s`)
      channel.close()
    }, timeoutMs)
    this.ready = new Promise<void>((resolve, reject) => {
      this.#settleReady = { resolve, reject }
    }).finally(() => clearTimeout(timer))
    // Whoever waits for it hears of a failure; a session that ends first does not wait.
    this.ready.catch(() => {})
    const nonce = randomBytes(16).toString('hex')
    const stream = (which: 'out' | 'err'): Stream => {
      const made: Stream = new Stream(
        nonce,
        cap,
        (mark) => this.#onMark(made, which, mark),
        () => this.#streamsReady === 2 && events.onFlood(made.current),
      )
      return made
    }
    const out = stream('out')
    const err = stream('err')
    const hear = (frames: Frames) => (chunk: Buffer) => {
      if (this.#streamsReady < 2) this.#noise = (this.#noise + chunk).slice(-2_000)
      frames.push(chunk)
    }
    channel.on('data', hear(out.frames))
    channel.stderr.on('data', hear(err.frames))
    channel.on('error', () => {})
    // A command that outlives the shell keeps the channel open; no answer comes through it.
    const exit = () => setTimeout(() => channel.close(), quietAfterExitMs)
    if (channel.exited) exit()
    else channel.once('exit', exit)
    channel.once('close', () => this.#onChannelClose())
    this.send(driver(nonce))
  }

  #onMark(stream: Stream, which: 'out' | 'err', mark: Mark): void {
    if (mark.kind === 'P') {
      this.#events.onPid(mark.id, mark.value)
      return
    }
    if (mark.kind === 'R') {
      this.#pid = mark.value
      if (which === 'out') this.isRoot = mark.id === 0
      // Both streams must have passed what the login shell's start-up files printed.
      if (++this.#streamsReady === 2) this.#settleReady?.resolve()
      return
    }
    stream.current = mark.id + 1
    const both = this.#half.get(mark.id) ?? {}
    both[which] = stream.text
    this.#half.set(mark.id, both)
    if (both.out === undefined || both.err === undefined) return
    this.#half.delete(mark.id)
    this.#events.onEnd(mark.id, { stdout: both.out, stderr: both.err, exitCode: mark.value })
  }

  #onChannelClose(): void {
    if (this.#streamsReady < 2) {
      const { lost } = this.#c
      this.#fail(lost.aborted ? lost.reason : startFailure(this.#c, this.#noise))
    } else if (!this.#closed) {
      this.#closed = true
      this.#events.onClose()
    }
  }

  #fail(why: string | Error): void {
    this.#closed = true
    this.#settleReady?.reject(typeof why === 'string' ? new Unreachable(why) : why)
  }

  /** Sends a request; all of one turn of the event loop leave in one packet. */
  send(text: string): void {
    if (this.#unsent === '') setImmediate(() => this.#flush())
    this.#unsent += text
  }

  #flush(): void {
    const text = this.#unsent
    this.#unsent = ''
    if (text !== '') this.#channel.write(text)
  }

  /** Kills a request's processes; the driver itself goes on. */
  async kill(pid: number): Promise<void> {
    await killTree(this.#c, pid, 'KILL')
  }

  /** Kills a shell with all that it runs; its lock is free before `onClose` is called. */
  async abandon(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    if (this.#pid !== undefined) await killTree(this.#c, this.#pid, 'KILL')
    this.#channel.close()
    this.#events.onClose()
  }

  /** Lets the shell end by itself, which frees its lock. */
  async close(graceMs: number): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    const closed = new Promise((resolve) => this.#channel.once('close', resolve))
    const timer = setTimeout(() => this.#channel.close(), graceMs)
    this.#flush()
    this.#channel.end()
    await closed
    clearTimeout(timer)
  }
}
