import { Unreachable } from '../core/errors.ts'
import type { Inventory } from '../inventory/types.ts'
import type { ConnectOptions } from '../ssh/index.ts'

/** What the command line says of logging in, in the place of the inventory's words, and the SSH agent's socket. */
export interface LoginDefaults extends Pick<ConnectOptions, 'agent' | 'becomePassword'> {
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
    user: said.user ?? connection.user,
    becomePassword: connection.becomePassword ?? said.becomePassword,
    connectTimeoutMs,
    keepaliveMs: Math.max(5_000, Math.floor(connectTimeoutMs / 3)),
  }
}
