import { homedir } from 'node:os'
import { Unreachable } from '../core/errors.ts'
import type { Inventory } from '../inventory/types.ts'
import type { ConnectOptions } from '../ssh/index.ts'

/** What logging in takes where the inventory names nothing. */
export interface LoginDefaults {
  /** The SSH agent's socket. */
  readonly agent?: string
  readonly identityFiles: readonly string[]
  readonly knownHosts: readonly string[]
}

/** `~/.ssh/id_plain` as ssh reads it. */
const atHome = (path: string) => path.replace(/^~(?=\/)/, homedir())

/** How to log in to a host of the inventory; throws Unreachable where it is not in there. */
export function loginOf(inventory: Inventory, host: string, other: LoginDefaults): ConnectOptions {
  const entry = inventory.hosts[host]
  if (!entry) throw new Unreachable(`${host}: not in inventory ${inventory.name}`)
  const { address, port, user, become, identityFiles, knownHosts } = entry.connection
  const { connect } = inventory.timeouts
  return {
    name: host,
    address,
    port,
    user,
    identityFiles: identityFiles?.map(atHome) ?? other.identityFiles,
    knownHosts: knownHosts?.map(atHome) ?? other.knownHosts,
    connectTimeoutMs: connect,
    keepaliveMs: Math.max(5_000, Math.floor(connect / 3)),
    ...(become && { become }),
    ...(other.agent !== undefined && { agent: other.agent }),
  }
}
