import { sentence, Unreachable } from '../../core/errors.ts'
import { ChannelRefused } from '../mux/mux.ts'
import { string, uint32 } from '../mux/wire.ts'
import { type ConnectOptions, Dropped } from './connection.ts'
import type { Master } from './master.ts'
import { destination } from './settings.ts'

const reachLimitMs = 10_000

/** A connection for others to jump through. */
export interface Jump {
  /** As the configuration names it. */
  readonly name: string
  readonly master: Master
  /** It ends with the last of those who jump through it. */
  release(): void
}

/** How a jump host's own master is opened, with the keys of those that are reached through it. */
type Open = (host: ConnectOptions, beyond: readonly string[]) => Promise<Master>

const bastions = new Map<string, { readonly master: Promise<Master>; users: number }>()

/** What ssh is to run to go through a jump host: it hands that to a shell, to which brackets are a pattern. */
export const commandThrough = ({ master }: Jump) =>
  `ssh -F none -S ${master.control} -o ProxyCommand=false -W '[%h]:%p' jump`

/** The master of the last of `spec`'s hosts, one for all that jump through it: `[user@]host[:port],…`. */
export async function jumpHost(
  o: ConnectOptions,
  spec: string,
  beyond: readonly string[],
  open: Open,
): Promise<Jump> {
  const before = spec.split(',')
  const name = before.pop() ?? ''
  const [, user, bracketed, plain, port] =
    /^(?:(.*)@)?(?:\[([^\]]+)\]|([^:]+))(?::(\d+))?$/.exec(name) ?? []
  const address = bracketed ?? plain
  if (address === undefined) throw new Unreachable(`${o.name}: expected jump hosts, got ${spec}`)
  // An inventory that names its jump hosts itself has no other place for their keys.
  const { identityFiles, knownHosts } = o.proxyJump === undefined ? ({} as ConnectOptions) : o
  const host: ConnectOptions = {
    ...{ name: o.name, address, user, port: port === undefined ? undefined : Number(port) },
    ...{ identityFiles, knownHosts, sshConfig: o.sshConfig, agent: o.agent, ask: o.ask },
    ...{ connectTimeoutMs: o.connectTimeoutMs, keepaliveMs: o.keepaliveMs, signal: o.signal },
    proxyJump: before.length > 0 ? before.join(',') : undefined,
  }
  const key = JSON.stringify([destination(host), o.agent])
  if (beyond.includes(key)) {
    throw new Unreachable(`${o.name}: the jump host ${name} is reached through itself`)
  }
  let bastion = bastions.get(key)
  if (!bastion) {
    const made = { master: open(host, [...beyond, key]), users: 0 }
    bastion = made
    bastions.set(key, made)
    const forget = () => bastions.get(key) === made && bastions.delete(key)
    made.master.then(({ ended }) => ended, forget).then(forget)
  }
  const own = bastion
  own.users++
  const release = () => {
    if (--own.users > 0) return
    if (bastions.get(key) === own) bastions.delete(key)
    own.master.then((master) => master.kill()).catch(() => {})
  }
  try {
    return { name, master: await own.master, release }
  } catch (error) {
    release()
    if (!(error instanceof Unreachable)) throw error
    const kind = error instanceof Dropped ? Dropped : Unreachable
    // The host that is named may be another that waits for the same jump host; the one that failed is named once.
    const reason = sentence(error).replace(/^[^:]+: /, '')
    throw new kind(`${o.name}: ${/jump host/.test(reason) ? '' : `jump host ${name}: `}${reason}`)
  }
}

/** Why a jump host does not lead to a port: ssh tells of it only that the connection was closed. */
export async function forwardProblem({ master }: Jump, host: string, port: number) {
  const origin = [string('127.0.0.1'), uint32(0)]
  const opened = master.mux.open('direct-tcpip', string(host), uint32(port), ...origin)
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<string>((resolve) => {
    timer = setTimeout(() => resolve('no answer'), reachLimitMs)
  })
  const tried = opened.then(
    (channel) => {
      channel.resume().close()
      return undefined
    },
    (error) => (error instanceof ChannelRefused ? error.message : undefined),
  )
  return Promise.race([tried, late]).finally(() => clearTimeout(timer))
}
