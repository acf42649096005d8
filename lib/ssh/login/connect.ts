import { setTimeout as sleep } from 'node:timers/promises'
import { type Connection, type ConnectOptions, Dropped } from './connection.ts'
import { viaSsh2 } from './ssh2.ts'

/** Connects and logs in; rejects with `Unreachable` and one sentence that says what is wrong. */
export async function connect(o: ConnectOptions): Promise<Connection> {
  const until = Date.now() + o.connectTimeoutMs
  for (let pauseMs = 200; ; pauseMs *= 2) {
    try {
      return await viaSsh2(o, until - Date.now())
    } catch (error) {
      // Many at once: whoever is dropped comes back later, and not all at the same time.
      const wait = pauseMs * (0.5 + Math.random())
      if (!(error instanceof Dropped) || Date.now() + wait > until) throw error
      await sleep(wait)
    }
  }
}
