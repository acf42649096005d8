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

/** The loopback networks of the hosts' addresses, and how many of each are used. */
export const networks = ['127.0.10', '127.0.11', '127.0.12'] as const
const hostsEach = 250
/** The most hosts there can be. */
export const mostHosts = networks.length * hostsEach
/** Where a host's sshd listens, and where the delay proxy does before it. */
export const ports = { direct: 2222, delayed: 2223 }

/** 127.0.10.1 to 127.0.10.250, then 127.0.11.1 and on. */
export function addressOf(host: number): string {
  const network = networks[Math.floor((host - 1) / hostsEach)]
  if (!Number.isInteger(host) || network === undefined) {
    throw new RangeError(`Expected a host 1–${mostHosts}, got ${host}`)
  }
  return `${network}.${((host - 1) % hostsEach) + 1}`
}

/** Odd hosts are M1 of a pair, even ones M2. */
export const nodeOf = (host: number): 1 | 2 => (host % 2 === 1 ? 1 : 2)

/** 1 to `count`. */
export const numbers = (count: number) => Array.from({ length: count }, (_, index) => index + 1)
