import { Unreachable } from '../core/errors.ts'
import { brief } from '../core/quote.ts'
import type { Output } from '../core/task.ts'
import { innerRequest, request } from './driver.ts'
import type { Connection } from './login/connection.ts'
import { type LockOptions, lockHost, takeLock } from './run-lock.ts'
import type { AskOptions, Session, SessionOptions } from './session-types.ts'
import { HostShell } from './shell.ts'

interface Item {
  readonly script: string
  readonly stdin: string | undefined
  readonly inner: boolean
  /** Never sent twice. */
  readonly once: boolean
  readonly timeoutMs: number
  readonly resolve: (output: Output) => void
  readonly reject: (error: Error) => void
  id: number
  pid?: number
  /** The shell died under it once, so it runs with no other question behind it. */
  suspect?: boolean
  /** Why it is being ended early. */
  failure?: Error
}

const killGraceMs = 5_000
const closeGraceMs = 1_000

/** Opens a session; rejects with `Unreachable` where no shell starts or sudo refuses. */
export async function openSession(c: Connection, o: SessionOptions): Promise<Session> {
  const session = new ShellSession(c, o)
  await session.begin(o.lock)
  return session
}

class ShellSession implements Session {
  readonly #c: Connection
  readonly #timeoutMs: number
  readonly #cap: number
  #shell: HostShell | undefined
  /** Whether the shell takes questions: not while it starts and takes its lock again. */
  #ready = false
  #queue: Item[] = []
  #sent: Item[] = []
  #lastId = 0
  #timer: NodeJS.Timeout | undefined
  #ended: Error | undefined
  #relock: (() => Promise<void>) | undefined

  constructor(c: Connection, o: SessionOptions) {
    this.#c = c
    this.#timeoutMs = o.timeoutMs
    this.#cap = o.maxOutputBytes ?? 16 * 1024 * 1024
    c.lost.addEventListener('abort', () => this.#end(c.lost.reason), { once: true })
  }

  /** The first shell; the lock's request goes right behind the driver. */
  async begin(lock: LockOptions | undefined): Promise<void> {
    await this.#open()
    this.#ready = true
    const locked = lock && this.lock(lock)
    locked?.catch(() => {})
    try {
      await this.#shell?.ready
      await locked
    } catch (error) {
      await this.close()
      const { message } = error as Error
      if (!this.notRoot || !message.includes('Permission denied')) throw error
      throw new Unreachable(`${message}; ${this.notRoot}`)
    }
  }

  /** A shell in the place of one that died: nothing is asked before it has the lock again. */
  async #reopen(): Promise<void> {
    await this.#open()
    await this.#shell?.ready
    await this.#relock?.()
    this.#ready = true
    this.#pump()
  }

  async #open(): Promise<void> {
    this.#lastId = 0
    this.#shell = await HostShell.open(this.#c, this.#cap, this.#timeoutMs, {
      onPid: (id, pid) => {
        const item = this.#sent.find((sent) => sent.id === id)
        if (!item) return
        item.pid = pid
        if (item.failure) void this.#shell?.kill(pid)
      },
      onEnd: (id, output) => this.#settle(id, output),
      onFlood: (id) => {
        const item = this.#sent.find((sent) => sent.id === id)
        const limit = `${this.#c.name}: more than ${this.#cap} bytes of output`
        if (item) this.#stop(item, new Error(`${limit}: ${brief(item.script)}`))
      },
      onClose: () => void this.#restart(),
    })
  }

  get notRoot(): string {
    if (this.#shell?.isRoot ?? true) return ''
    const { user, become } = this.#c
    const way = become ? "`user: 'root'`" : "`become: true`, or `user: 'root'`,"
    return `logged in as ${user}, and not root: set ${way} in its \`connection\``
  }

  ask(script: string, o: AskOptions = {}): Promise<Output> {
    return this.#add(script, o)
  }

  async lock(o: LockOptions): Promise<void> {
    await lockHost(this.#c.name, (script) => this.#add(script, { inner: true }), o)
    // A later shell waits for no commands: those that run then are this run's own.
    this.#relock = () => {
      const first = (script: string) => this.#add(script, { inner: true, first: true })
      return takeLock(this.#c.name, first, o)
    }
  }

  async close(): Promise<void> {
    const unanswered = this.#sent.length > 0
    this.#end(new Error(`${this.#c.name}: the session is closed`))
    // A shell that still has questions would keep the lock until it has run them all.
    if (unanswered) await this.#shell?.abandon()
    else await this.#shell?.close(closeGraceMs)
  }

  #add(
    script: string,
    o: AskOptions & { readonly inner?: boolean; readonly first?: boolean },
  ): Promise<Output> {
    return new Promise((resolve, reject) => {
      if (this.#ended) return reject(this.#ended)
      const { stdin, inner = false, change: once = inner, timeoutMs = this.#timeoutMs } = o
      const item: Item = { script, stdin, inner, once, timeoutMs, resolve, reject, id: 0 }
      if (o.first) return this.#send(item)
      this.#queue.push(item)
      this.#pump()
    })
  }

  #pump(): void {
    while (this.#ready && this.#queue[0] && !this.#sent[0]?.suspect) {
      // A suspect is alone with the shell: nothing before it, nothing behind it.
      if (this.#queue[0].suspect && this.#sent.length > 0) return
      this.#send(this.#queue.shift() as Item)
    }
  }

  #send(item: Item): void {
    item.id = ++this.#lastId
    let text: string
    try {
      text = item.inner
        ? innerRequest(item.id, item.script)
        : request(item.id, item.script, item.stdin)
    } catch (error) {
      this.#lastId--
      item.reject(error as Error)
      return
    }
    this.#sent.push(item)
    this.#shell?.send(text)
    if (this.#sent.length === 1) this.#watch()
  }

  /** Starts the clock of the question that the host runs now. */
  #watch(): void {
    clearTimeout(this.#timer)
    const item = this.#sent[0]
    if (!item) return
    this.#timer = setTimeout(() => {
      const limit = `${this.#c.name}: no answer within ${item.timeoutMs / 1000} s`
      this.#stop(item, new Error(`${limit}: ${brief(item.script)}`))
    }, item.timeoutMs)
  }

  #stop(item: Item, failure: Error): void {
    if (item.failure) return
    item.failure = failure
    clearTimeout(this.#timer)
    const shell = this.#shell
    if (item.pid !== undefined) void shell?.kill(item.pid)
    this.#timer = setTimeout(() => void shell?.abandon(), killGraceMs)
  }

  #settle(id: number, output: Output): void {
    const at = this.#sent.findIndex((item) => item.id === id)
    const item = this.#sent[at]
    if (!item) return
    this.#sent.splice(at, 1)
    if (at === 0) this.#watch()
    if (item.failure) item.reject(item.failure)
    else item.resolve(output)
    this.#pump()
  }

  /** After the shell has gone: a new one, the lock again, the suspect alone, then the others. */
  async #restart(): Promise<void> {
    clearTimeout(this.#timer)
    const dead = this.#shell
    this.#shell = undefined
    this.#ready = false
    if (this.#ended || this.#c.lost.aborted) return
    const [first, ...others] = this.#sent
    this.#sent = []
    this.#queue.unshift(...others)
    const orphan = first?.pid
    const guilty = first && (first.failure ?? (first.suspect || first.once))
    if (first && !guilty) {
      first.suspect = true
      delete first.pid
      this.#queue.unshift(first)
    }
    for (const item of others) delete item.pid
    try {
      // What outlived the shell must not run beside its own repetition.
      if (orphan !== undefined) await dead?.kill(orphan)
      await this.#reopen()
    } catch (error) {
      this.#end(error as Error)
    }
    if (first && guilty) {
      // Only now, so that whoever hears of it finds the session in order.
      const text = `ended the shell that it ran in: ${brief(first.script)}`
      first.reject(first.failure ?? new Error(`${this.#c.name}: ${text}`))
    }
    if (this.#ended) await (this.#shell as HostShell | undefined)?.close(closeGraceMs)
  }

  #end(reason: Error): void {
    if (this.#ended) return
    this.#ended = reason instanceof Error ? reason : new Unreachable(String(reason))
    clearTimeout(this.#timer)
    for (const item of [...this.#sent, ...this.#queue]) item.reject(this.#ended)
    this.#sent = []
    this.#queue = []
  }
}
