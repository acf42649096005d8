import { randomBytes } from 'node:crypto'
import type { Writable } from 'node:stream'
import { Unreachable } from '../core/errors.ts'
import { quote } from '../core/quote.ts'
import { openChannel, shellCommand, startFailure } from './channel.ts'
import { Frames } from './frames.ts'
import { killTree } from './kill.ts'
import type { Channel, Connection } from './login/connection.ts'

// A daemon may keep the channel's output open after the command itself has ended.
const quietAfterExitMs = 1_000
const drainLimitMs = 30_000
/** What is longer belongs into a file on the host: it would fill this machine's memory. */
const outputLimit = 128 * 2 ** 20

/** How a process ended: an exit code or a signal's name. */
export interface End {
  readonly exitCode: number | null
  readonly signal: NodeJS.Signals | null
}

/** A process on the host. */
export interface RemoteProcess {
  /** Its standard input; what is never ended keeps readers of it waiting. */
  readonly stdin: Writable
  /** Resolves when it has ended and its output has arrived; rejects when the connection is lost. */
  readonly done: Promise<End>
  /** Signals it and all its descendants; never rejects. */
  kill(signal: string): Promise<void>
}

/** What a process needs to be started with. */
export interface StartOptions {
  readonly signal?: AbortSignal | undefined
  /** File to hold a shared lock on until the process ends, even if the connection does not last. */
  readonly busyLock?: string | undefined
  onStdout(chunk: Buffer): void
  onStderr(chunk: Buffer): void
}

// The script comes over stdin, so that no secret in it shows in the host's process list. `read`
// takes single bytes and so leaves the rest of stdin to the script; it is a builtin, so reading
// costs no fork. A script cut short by a lost connection must not run: hence the closing nonce.
// One line, since csh takes no other; what ends its lines is the third character of IFS.
const reader = [
  'LC_ALL=C PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin; export LC_ALL PATH',
  `printf '%s:S:0:%s\\n' "$1" "$$"`,
  `[ -z "$2" ] || printf '%s\\n' "$$" >>"$2"`,
  `tandem_script= tandem_newline=\${IFS#??}`,
  'while IFS= read -r tandem_line || exit 97; [ "$tandem_line" != "$1" ]',
  'do tandem_script=$tandem_script$tandem_line$tandem_newline',
  'done',
  'unset tandem_line tandem_newline',
  'set --',
  'eval "$tandem_script"',
].join('; ')

/** Starts a script on a channel of its own; resolves when it has been handed over. */
export async function start(
  c: Connection,
  script: string,
  o: StartOptions,
): Promise<RemoteProcess> {
  if (script.includes('\0')) throw new TypeError('A script cannot contain a NUL byte')
  const nonce = randomBytes(16).toString('hex')
  const args = ['-c', reader, 'sh', nonce, o.busyLock ?? '']
  // `flock` as the parent costs one fork less than a lock taken by the script; -o keeps the lock
  // out of the command, whose daemons would hold it for ever.
  const wrapper = o.busyLock ? `flock -s -o ${quote(o.busyLock)} ` : ''
  const channel = await openChannel(c, shellCommand(c, args, wrapper), { signal: o.signal })
  const process = new ChannelProcess(c, channel, nonce, o)
  channel.write(`${script}\n${nonce}\n`)
  return process
}

class ChannelProcess implements RemoteProcess {
  readonly stdin: Writable
  readonly done: Promise<End>
  readonly #c: Connection
  readonly #pid: Promise<number | undefined>
  #killedBy: string | undefined

  constructor(c: Connection, channel: Channel, nonce: string, o: StartOptions) {
    this.#c = c
    this.stdin = channel
    let started = false
    let early = ''
    let settlePid: (pid: number | undefined) => void = () => {}
    this.#pid = new Promise((resolve) => {
      settlePid = resolve
    })
    // What the login shell's start-up files print comes before the mark and is nobody's output.
    const frames = new Frames(
      nonce,
      (data) => started && passed(data, o.onStdout),
      (mark) => {
        started = true
        settlePid(mark.value)
      },
    )
    let room = outputLimit
    const passed = (chunk: Buffer, on: (chunk: Buffer) => void) => {
      room -= chunk.length
      if (room >= 0) return on(chunk)
      if (room + chunk.length >= 0) void this.kill('SIGKILL')
    }
    const drain = new Drain(channel)
    channel.on('data', (chunk: Buffer) => {
      drain.touch()
      if (started) return passed(chunk, o.onStdout)
      early += chunk.toString()
      frames.push(chunk)
      if (started) frames.flush()
    })
    channel.stderr.on('data', (chunk: Buffer) => {
      drain.touch()
      if (!started) early += chunk.toString()
      passed(chunk, o.onStderr)
    })
    // A command may end without reading its input.
    channel.on('error', () => {})
    this.done = drain.ended.then((end) => {
      settlePid(undefined)
      if (!end && c.lost.aborted) throw c.lost.reason
      if (room < 0) {
        throw new Error(
          `${c.name}: the command wrote more than ${outputLimit / 2 ** 20} MiB and was stopped: let it write into a file on the host`,
        )
      }
      if (!started) throw new Unreachable(startFailure(c, early))
      if (!end) throw new Error(`${c.name}: the command ended without an exit code`)
      return this.#named(end)
    })
    this.done.catch(() => {})
  }

  async kill(signal: string): Promise<void> {
    this.#killedBy = signal
    const pid = await this.#pid
    if (pid !== undefined) await killTree(this.#c, pid, signal, { group: true })
  }

  /** sudo and flock report a signal as 128 + its number; a kill of ours is told by its name. */
  #named(end: End): End {
    if (end.signal || !this.#killedBy || (end.exitCode ?? 0) <= 128) return end
    return { exitCode: null, signal: this.#killedBy as NodeJS.Signals }
  }
}

/** Waits for a channel's end, and closes it when its process has ended but its output stays open. */
class Drain {
  readonly ended: Promise<End | undefined>
  readonly #channel: Channel
  #end: End | undefined
  #timer: NodeJS.Timeout | undefined
  #until = Number.POSITIVE_INFINITY

  constructor(channel: Channel) {
    this.#channel = channel
    const exit = (exitCode: number | null, signal?: string) => {
      this.#end = { exitCode, signal: (signal as NodeJS.Signals | undefined) ?? null }
      this.#until = Date.now() + drainLimitMs
      this.touch()
    }
    if (channel.exited) exit(...channel.exited)
    else channel.on('exit', exit)
    this.ended = new Promise((resolve) => {
      channel.once('close', () => {
        clearTimeout(this.#timer)
        resolve(this.#end)
      })
    })
  }

  touch(): void {
    if (!this.#end) return
    clearTimeout(this.#timer)
    const wait = Math.max(0, Math.min(quietAfterExitMs, this.#until - Date.now()))
    this.#timer = setTimeout(() => this.#channel.close(), wait)
  }
}
