import { setTimeout as sleep } from 'node:timers/promises'
import { Interrupted, sentence, Unreachable, UsageError } from '../../core/errors.ts'
import { type Connection, type ConnectOptions, Dropped, LoginRefused } from './connection.ts'
import { filesOf, wantsOpenSsh } from './credentials.ts'
import { lookUp } from './known-hosts.ts'
import { viaOpenSsh } from './openssh.ts'
import { settingsOf, settingsWithout } from './settings.ts'
import { viaSsh2 } from './ssh2.ts'

/**
 * Connects and logs in; rejects with `Unreachable` and one sentence that says what is wrong, and with
 * `Interrupted` when the signal is aborted. OpenSSH itself does it where its configuration says how, or where a
 * key, an authority or a question needs it.
 */
export async function connect(o: ConnectOptions): Promise<Connection> {
  try {
    return await connected(o)
  } catch (error) {
    const isTold = [Unreachable, Interrupted, UsageError].some((kind) => error instanceof kind)
    throw isTold ? error : new Unreachable(`${o.name}: ${sentence(error)}`, { cause: error })
  }
}

async function connected(o: ConnectOptions): Promise<Connection> {
  const settings = await settingsOf(o)
  if (settings) return patiently(o, (leftMs) => viaOpenSsh(o, settings, leftMs))
  const { knownHosts } = filesOf(o)
  const wanted = wantsOpenSsh(o)
  const itself = async () => {
    const plain = await settingsWithout(o)
    return patiently(o, (leftMs) => (plain ? viaOpenSsh(o, plain, leftMs) : viaSsh2(o, leftMs)))
  }
  if (wanted === 'first' || lookUp(knownHosts, o.address, o.port ?? 22).authority) return itself()
  try {
    return await patiently(o, (leftMs) => viaSsh2(o, leftMs))
  } catch (error) {
    // ssh can ask for what a server wants besides keys.
    const canMore = wanted === 'else' || o.ask !== undefined
    if (!canMore || !(error instanceof LoginRefused)) throw error
    return itself().catch((last) => {
      throw last instanceof LoginRefused ? error : last
    })
  }
}

/** Many at once: whoever is dropped comes back later, and not all at the same time. */
async function patiently(
  o: ConnectOptions,
  login: (leftMs: number) => Promise<Connection>,
): Promise<Connection> {
  const until = Date.now() + o.connectTimeoutMs
  for (let pauseMs = 200; ; pauseMs *= 2) {
    try {
      return await login(until - Date.now())
    } catch (error) {
      const wait = pauseMs * (0.5 + Math.random())
      if (!(error instanceof Dropped) || Date.now() + wait > until) throw error
      if (o.signal?.aborted) throw new Interrupted('interrupted')
      await sleep(wait, undefined, o.signal && { signal: o.signal }).catch(() => {
        throw new Interrupted('interrupted')
      })
    }
  }
}
