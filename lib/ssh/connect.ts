import net from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import ssh2 from 'ssh2'
import { Unreachable } from '../core/errors.ts'
import { type Credentials, credentials } from './credentials.ts'
import { fingerprint, judge, type KnownHost, lookUp, preferKnown } from './known-hosts.ts'

/** Where and as whom to log in. */
export interface ConnectOptions {
  /** The host's name in messages. */
  readonly name: string
  readonly address: string
  readonly port: number
  readonly user: string
  /** Private key files; missing ones are skipped, and named when every way to log in fails. */
  readonly identityFiles?: readonly string[]
  /** Path of an SSH agent's socket. */
  readonly agent?: string
  /** known_hosts files; a host that none of them lists is refused. */
  readonly knownHosts: readonly string[]
  readonly connectTimeoutMs: number
  /** Interval of keepalives; three without an answer end the connection. */
  readonly keepaliveMs: number
  /** Runs everything through `sudo -n`. */
  readonly become?: boolean
}

/** One SSH connection to one host. */
export interface Connection {
  readonly name: string
  readonly user: string
  readonly become: boolean
  readonly client: ssh2.Client
  /** Aborted when the connection ends; the reason is an `Unreachable`. */
  readonly lost: AbortSignal
  close(): Promise<void>
}

const closeGraceMs = 2_000

/** Dropped before the server's greeting, as sshd does with what is above its MaxStartups. */
class Dropped extends Unreachable {}

/** Connects and logs in; rejects with `Unreachable` and one sentence that says what is wrong. */
export async function connect(o: ConnectOptions): Promise<Connection> {
  const until = Date.now() + o.connectTimeoutMs
  for (let pauseMs = 200; ; pauseMs *= 2) {
    try {
      return await connectOnce({ ...o, connectTimeoutMs: until - Date.now() }, o.connectTimeoutMs)
    } catch (error) {
      // Many at once: whoever is dropped comes back later, and not all at the same time.
      const wait = pauseMs * (0.5 + Math.random())
      if (!(error instanceof Dropped) || Date.now() + wait > until) throw error
      await sleep(wait)
    }
  }
}

/** `limitMs` is what a message calls the limit, of which `connectTimeoutMs` is left. */
async function connectOnce(o: ConnectOptions, limitMs: number): Promise<Connection> {
  const at = net.isIPv6(o.address) ? `[${o.address}]:${o.port}` : `${o.address}:${o.port}`
  const known = readKnown(o)
  const ways = credentials(o.user, o.identityFiles ?? [], o.agent)
  const client = new ssh2.Client()
  const lost = new AbortController()
  // ssh2 leaves Nagle's algorithm on, which doubles the time of a short command.
  // A name may have several addresses; Node would give each but the last no more than 250 ms.
  const autoSelectFamilyAttemptTimeout = Math.max(250, Math.round(o.connectTimeoutMs / 3))
  const sock = net.connect({
    host: o.address,
    port: o.port,
    noDelay: true,
    autoSelectFamilyAttemptTimeout,
  })

  await new Promise<void>((resolve, reject) => {
    let hostKeyProblem: string | undefined
    let greeted = false
    sock.on('data', (chunk) => {
      greeted ||= chunk.includes('SSH-')
    })
    const fail = (text: string, Kind = Unreachable) => {
      clearTimeout(timer)
      sock.destroy()
      reject(new Kind(`${o.name}: ${text}`))
    }
    const timer = setTimeout(
      () => fail(`no answer from ${at} within ${limitMs / 1000} s`),
      o.connectTimeoutMs,
    )
    client.on('ready', () => {
      clearTimeout(timer)
      resolve()
    })
    client.on('close', () => fail(`${at} closed the connection`, greeted ? Unreachable : Dropped))
    client.on('error', (error) => {
      // The agent is one of several ways; ssh2 goes on with the next one.
      if (error.level === 'agent') return ways.agentFailed(error.message)
      const isDropped = !greeted && /before handshake|ECONNRESET/i.test(error.message)
      fail(hostKeyProblem ?? explain(error, o, at, ways), isDropped ? Dropped : Unreachable)
    })
    client.connect({
      sock,
      username: o.user,
      authHandler: ways.handler,
      readyTimeout: 0,
      keepaliveInterval: o.keepaliveMs,
      keepaliveCountMax: 3,
      algorithms: { serverHostKey: preferKnown(known) },
      hostVerifier: (key: Buffer) => {
        hostKeyProblem = hostKeyProblemOf(known, key, o, at)
        return hostKeyProblem === undefined
      },
    })
  })

  let cause: string | undefined
  client.removeAllListeners('error').on('error', (error) => {
    cause ??= error.message
  })
  client.removeAllListeners('close').on('close', () => {
    lost.abort(
      new Unreachable(`${o.name}: connection to ${at} ${cause ? `lost: ${cause}` : 'closed'}`),
    )
  })
  if (sock.destroyed) lost.abort(new Unreachable(`${o.name}: connection to ${at} closed`))
  const { name, user, become = false } = o
  return { name, user, become, client, lost: lost.signal, close: () => close(client, sock) }
}

function readKnown(o: ConnectOptions): KnownHost {
  try {
    return lookUp(o.knownHosts, o.address, o.port)
  } catch (error) {
    throw new Unreachable(`${o.name}: known_hosts: ${(error as Error).message}`)
  }
}

function hostKeyProblemOf(known: KnownHost, key: Buffer, o: ConnectOptions, at: string) {
  const files = o.knownHosts.join(', ') || 'any known_hosts file'
  const got = fingerprint(key)
  switch (judge(known, key)) {
    case 'known':
      return undefined
    case 'revoked':
      return `host key of ${at} (${got}) is marked @revoked in ${files}`
    case 'unknown':
      return `host key of ${at} is in none of ${files} (got ${got}); check it and add a line`
    case 'changed': {
      const valid = known.keys.filter((entry) => !entry.revoked)
      const places = valid.map((entry) => `${entry.file}:${entry.line}`).join(', ')
      const expected = valid.map((entry) => fingerprint(entry.key)).join(' or ')
      return (
        `host key of ${at} is not the one in ${places} (expected ${expected}, got ${got}); ` +
        'if the machine was reinstalled, remove the old line'
      )
    }
  }
}

type ClientError = Error & { level?: string; code?: string | number }

function explain(error: ClientError, o: ConnectOptions, at: string, ways: Credentials): string {
  switch (error.code) {
    case 'ECONNREFUSED':
      return `nothing listens at ${at}`
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return `the name ${o.address} cannot be resolved (${error.code})`
    case 'EHOSTUNREACH':
    case 'ENETUNREACH':
      return `no route to ${at} (${error.code})`
    case 'ETIMEDOUT':
      return `no answer from ${at}`
  }
  if (error.level === 'client-authentication' || /authentication failures/i.test(error.message)) {
    return `login as ${o.user} refused by ${at} (${ways.tried()})`
  }
  if (/before handshake/i.test(error.message))
    return `${at} closed the connection before it greeted as an SSH server does`
  return `connection to ${at} failed: ${error.message}`
}

/** Says goodbye and does not wait for the answer, which would cost a round trip. */
async function close(client: ssh2.Client, sock: net.Socket): Promise<void> {
  if (sock.destroyed) return
  await new Promise<void>((resolve) => {
    const timer = setTimeout(() => sock.destroy(), closeGraceMs)
    sock.once('finish', () => sock.destroy())
    client.once('close', () => {
      clearTimeout(timer)
      resolve()
    })
    client.end()
  })
}
