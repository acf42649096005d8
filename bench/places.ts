import { homedir } from 'node:os'
import { join } from 'node:path'

/** Where the benchmark keeps its things, outside the checkout. */
export interface Places {
  readonly folder: string
  /** The Debian tree below all hosts; made once. */
  readonly base: string
  readonly hosts: string
  readonly logs: string
  readonly lock: string
  readonly identityFile: string
  readonly knownHosts: string
  readonly sshConfig: string
}

/** `TANDEM_BENCH`, else `tandem-bench` in the user's cache. */
export function places(env: NodeJS.ProcessEnv): Places {
  const cache = env.XDG_CACHE_HOME || join(env.HOME || homedir(), '.cache')
  const folder = env.TANDEM_BENCH || join(cache, 'tandem-bench')
  const at = (name: string) => join(folder, name)
  return {
    folder,
    base: at('base'),
    hosts: at('hosts'),
    logs: at('logs'),
    lock: at('lock'),
    identityFile: at('id'),
    knownHosts: at('known_hosts'),
    sshConfig: at('ssh_config'),
  }
}

/** The most hosts there can be: one address of 127.0.10.0/24 each. */
export const mostHosts = 250
/** Where a host's sshd listens, and where the delay proxy does before it. */
export const ports = { direct: 2222, delayed: 2223 }

export const addressOf = (host: number) => `127.0.10.${host}`

/** Odd hosts are M1 of a pair, even ones M2. */
export const nodeOf = (host: number): 1 | 2 => (host % 2 === 1 ? 1 : 2)

/** 1 to `count`. */
export const numbers = (count: number) => Array.from({ length: count }, (_, index) => index + 1)
