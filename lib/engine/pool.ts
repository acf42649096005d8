import { Unreachable } from '../core/errors.ts'
import { type PlatformName, usualPlatform } from '../core/platform-name.ts'
import type { Inventory } from '../inventory/types.ts'
import {
  type Connection,
  type ConnectOptions,
  connect,
  type LockOptions,
  openSession,
  type Session,
} from '../ssh/index.ts'
import type { EventBody } from './events.ts'

/** What the command line and its environment say of logging in. */
export interface LoginDefaults
  extends Pick<ConnectOptions, 'agent' | 'becomePassword' | 'ask' | 'signal'> {
  readonly user?: string | undefined
}

/** How to log in to a host of the inventory; throws Unreachable where it is not in there. */
export function loginOf(inventory: Inventory, host: string, said: LoginDefaults): ConnectOptions {
  const entry = inventory.hosts[host]
  if (!entry) throw new Unreachable(`${host}: not in inventory ${inventory.name}`)
  const { connection } = entry
  const connectTimeoutMs = inventory.timeouts.connect
  return {
    ...connection,
    name: host,
    agent: said.agent,
    ask: said.ask,
    signal: said.signal,
    user: said.user ?? connection.user,
    becomePassword: connection.becomePassword ?? said.becomePassword,
    connectTimeoutMs,
    keepaliveMs: Math.max(5_000, Math.floor(connectTimeoutMs / 3)),
  }
}

/** What connections need besides the inventory. */
export interface PoolOptions extends LoginDefaults {
  readonly emit: (event: EventBody) => void
  /** The lock to take on a host; none for hosts that are only asked. */
  readonly lock: (host: string) => LockOptions | undefined
}

/** A host's connection and the shell its checks run in. */
export interface HostConnection {
  readonly connection: Connection
  readonly session: Session
}

/** Connections by host name, opened once, when first asked for. */
export class Pool {
  readonly #inventory: Inventory
  readonly #options: PoolOptions
  readonly #connections = new Map<string, Promise<HostConnection>>()

  constructor(inventory: Inventory, options: PoolOptions) {
    this.#inventory = inventory
    this.#options = options
  }

  /** What a host runs, as the inventory has it. */
  platform(host: string): PlatformName {
    return this.#inventory.hosts[host]?.platform ?? usualPlatform
  }

  /** The host's connection; rejects with Unreachable, and does not try the same host twice in a run. */
  connection(host: string): Promise<HostConnection> {
    let line = this.#connections.get(host)
    if (!line) {
      line = this.#open(host)
      // Whoever asks sees the error; a line nobody waits for must not end the process.
      line.catch(() => {})
      this.#connections.set(host, line)
    }
    return line
  }

  async #open(host: string): Promise<HostConnection> {
    const { timeouts } = this.#inventory
    const began = Date.now()
    const connection = await connect(loginOf(this.#inventory, host, this.#options))
    try {
      const session = await openSession(connection, {
        timeoutMs: timeouts.check,
        lock: this.#options.lock(host),
      })
      this.#options.emit({ type: 'host-connected', host, ms: Date.now() - began })
      const text = `${host}: ${session.notRoot}`
      if (session.notRoot) this.#options.emit({ type: 'notice', text })
      return { connection, session }
    } catch (error) {
      await connection.close()
      throw error
    }
  }

  /** Closes everything; never rejects. */
  async close(): Promise<void> {
    const closed = [...this.#connections.values()].map(async (line) => {
      const { session, connection } = await line
      await session.close()
      await connection.close()
    })
    await Promise.allSettled(closed)
  }
}
