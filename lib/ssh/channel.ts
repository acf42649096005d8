import { setTimeout as sleep } from 'node:timers/promises'
import { Interrupted } from '../core/errors.ts'
import { becomeCommand, becomeRoot, mayAsk, noPassword } from './become.ts'
import { type Channel, type Connection, lastLines } from './login/connection.ts'

// sshd allows 10 sessions a connection by default and frees a slot late; killing needs room too.
const maxChannels = 5
const refusedForMs = 15_000
// Where nothing but the session's shell is open, waiting helps only against a slot that sshd frees late.
const refusedAloneForMs = 3_000

class Slots {
  #free = maxChannels
  readonly #waiting: (() => void)[] = []

  async take(): Promise<void> {
    if (this.#free > 0) this.#free--
    else await new Promise<void>((resolve) => this.#waiting.push(resolve))
  }

  get used(): number {
    return maxChannels - this.#free
  }

  give(): void {
    const next = this.#waiting.shift()
    if (next) next()
    else this.#free++
  }
}

const slotsOf = new WeakMap<Connection, Slots>()

function slots(c: Connection): Slots {
  let found = slotsOf.get(c)
  if (!found) {
    found = new Slots()
    slotsOf.set(c, found)
  }
  return found
}

/** The reason of an abort as an error that is fit to be thrown. */
export function abortError(c: Connection, signal: AbortSignal): Error {
  const { reason } = signal
  return reason instanceof Error && reason.name !== 'AbortError'
    ? reason
    : new Interrupted(`${c.name}: interrupted`)
}

/**
 * The command line for the login shell that starts `/bin/sh`, as root where wanted. `args` have no
 * newlines, which csh would not take. Sudoers may allow /bin/sh alone, so `wrapper` runs within one.
 */
export function shellCommand(c: Connection, args: readonly string[], wrapper = ''): string {
  const words = args.map((word) => ` ${anyQuote(word)}`).join('')
  if (!c.become) return `exec ${wrapper}/bin/sh${words}`
  return `exec ${becomeCommand(c, anyQuote(`exec ${wrapper}/bin/sh${words}`))}`
}

/** One word for sh, csh and fish: in single quotes csh reads `!`, and fish a backslash. */
function anyQuote(word: string): string {
  return `'${word.replaceAll(/['\\!]/g, "'\\$&'")}'`
}

/** What is wrong when the shell ended before it said anything but `text`. */
export function startFailure(c: Connection, text: string): string {
  const reason = lastLines(text)
  if (c.become && /\bsudo\b/.test(reason)) {
    if (/not found|No such file/.test(reason))
      return `${c.name}: user ${c.user} has no sudo: ${reason}`
    return `${c.name}: user ${c.user} may not sudo without a password: ${reason}; ${noPassword}`
  }
  return `${c.name}: the shell of user ${c.user} did not start${reason ? `: ${reason}` : ''}`
}

interface OpenOptions {
  readonly signal?: AbortSignal | undefined
  /** Goes past the limit of channels: what ends other commands must not wait for them. */
  readonly control?: boolean
}

/** Opens an exec channel, waiting for its turn; a refused open ran nothing and is tried again. */
export async function openChannel(
  c: Connection,
  command: string,
  o: OpenOptions = {},
): Promise<Channel> {
  const pool = o.control ? undefined : slots(c)
  await pool?.take()
  let channel: Channel
  try {
    channel = await openWithRetry(c, command, o)
  } catch (error) {
    pool?.give()
    throw error
  }
  channel.once('close', () => pool?.give())
  if (mayAsk(c)) {
    await becomeRoot(c, channel, o.signal).catch((error) => {
      throw o.signal?.aborted ? abortError(c, o.signal) : error
    })
  }
  return channel
}

async function openWithRetry(c: Connection, command: string, o: OpenOptions): Promise<Channel> {
  const until = Date.now() + (slots(c).used > 2 ? refusedForMs : refusedAloneForMs)
  for (let pauseMs = 30; ; pauseMs = Math.min(pauseMs * 2, 1_000)) {
    if (o.signal?.aborted) throw abortError(c, o.signal)
    if (c.lost.aborted) throw c.lost.reason
    try {
      return await c.exec(command)
    } catch (error) {
      if (c.lost.aborted) throw c.lost.reason
      const refused = typeof (error as { reason?: unknown }).reason === 'number'
      if (!refused || Date.now() > until) {
        const hint = refused ? "; MaxSessions of the host's sshd must be 3 or more" : ''
        throw new Error(`${c.name}: cannot open a channel: ${(error as Error).message}${hint}`)
      }
    }
    await sleep(pauseMs)
  }
}
