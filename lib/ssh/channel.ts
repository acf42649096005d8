import { setTimeout as sleep } from 'node:timers/promises'
import type { Client, ClientChannel } from 'ssh2'
import { Interrupted } from '../core/errors.ts'
import { quote } from '../core/quote.ts'
import type { Connection } from './connect.ts'

// sshd allows 10 sessions a connection by default and frees a slot late; killing needs room too.
const maxChannels = 5
const refusedForMs = 15_000

class Slots {
  #free = maxChannels
  readonly #waiting: (() => void)[] = []

  async take(): Promise<void> {
    if (this.#free > 0) this.#free--
    else await new Promise<void>((resolve) => this.#waiting.push(resolve))
  }

  give(): void {
    const next = this.#waiting.shift()
    if (next) next()
    else this.#free++
  }
}

const slotsOf = new WeakMap<Client, Slots>()

function slots(client: Client): Slots {
  let found = slotsOf.get(client)
  if (!found) {
    found = new Slots()
    slotsOf.set(client, found)
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

/** The command line for the login shell that starts `/bin/sh`, through sudo where wanted. */
export function shellCommand(c: Connection, args: readonly string[], wrapper = ''): string {
  const sudo = c.become ? 'sudo -n -- ' : ''
  return `exec ${sudo}${wrapper}/bin/sh ${args.map(quote).join(' ')}`.trim()
}

/** What is wrong when the shell ended before it said anything. */
export function startFailure(c: Connection, stderr: string): string {
  const text = stderr.trim().split('\n').slice(-3).join(' ')
  if (c.become && /\bsudo\b/.test(text)) {
    const problem = /not found|No such file/.test(text) ? 'has no' : 'may not'
    const rest = problem === 'may not' ? ' without a password' : ''
    return `${c.name}: user ${c.user} ${problem} sudo${rest}: ${text}`
  }
  return `${c.name}: the shell of user ${c.user} did not start${text ? `: ${text}` : ''}`
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
): Promise<ClientChannel> {
  const pool = o.control ? undefined : slots(c.client)
  await pool?.take()
  try {
    const channel = await openWithRetry(c, command, o)
    channel.once('close', () => pool?.give())
    return channel
  } catch (error) {
    pool?.give()
    throw error
  }
}

async function openWithRetry(c: Connection, command: string, o: OpenOptions) {
  const until = Date.now() + refusedForMs
  for (let pauseMs = 30; ; pauseMs = Math.min(pauseMs * 2, 1_000)) {
    if (o.signal?.aborted) throw abortError(c, o.signal)
    if (c.lost.aborted) throw c.lost.reason
    try {
      return await openOnce(c.client, command)
    } catch (error) {
      if (c.lost.aborted) throw c.lost.reason
      const refused = typeof (error as { reason?: unknown }).reason === 'number'
      if (!refused || Date.now() > until) {
        throw new Error(`${c.name}: cannot open a channel: ${(error as Error).message}`)
      }
    }
    await sleep(pauseMs)
  }
}

function openOnce(client: Client, command: string): Promise<ClientChannel> {
  return new Promise((resolve, reject) => {
    client.exec(command, (error, channel) => (error ? reject(error) : resolve(channel)))
  })
}
