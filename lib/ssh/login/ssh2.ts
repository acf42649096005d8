import net from 'node:net'
import { userInfo } from 'node:os'
import ssh2 from 'ssh2'
import { Interrupted, Unreachable } from '../../core/errors.ts'
import {
  type Connection,
  type ConnectOptions,
  Dropped,
  LoginRefused,
  lastLines,
  placeText,
} from './connection.ts'
import { type Credentials, credentials, filesOf } from './credentials.ts'
import {
  fingerprint,
  howToKnow,
  judge,
  type KnownHost,
  lookUp,
  preferKnown,
} from './known-hosts.ts'

const closeGraceMs = 2_000

type Options = ConnectOptions &
  ReturnType<typeof filesOf> & { readonly port: number; readonly user: string }

/** Logs in by the ssh2 library, within `leftMs`; rejects with `Unreachable` and one sentence that says what is wrong. */
export async function viaSsh2(given: ConnectOptions, leftMs: number): Promise<Connection> {
  const usual = { port: given.port ?? 22, user: given.user ?? userInfo().username }
  const o: Options = { ...given, ...usual, ...filesOf(given) }
  const { port, user } = o
  const at = placeText(o.address, port)
  const known = readKnown(o)
  const ways = credentials(user, o.identityFiles, o.agent)
  const client = new ssh2.Client()
  const lost = new AbortController()
  // ssh2 leaves Nagle's algorithm on, which doubles the time of a short command.
  // A name may have several addresses; Node would give each but the last no more than 250 ms.
  const autoSelectFamilyAttemptTimeout = Math.max(250, Math.round(o.connectTimeoutMs / 3))
  const sock = net.connect({
    host: o.address,
    port,
    noDelay: true,
    autoSelectFamilyAttemptTimeout,
  })

  await new Promise<void>((resolve, reject) => {
    let banner = ''
    let hostKeyProblem: string | undefined
    let greeted = false
    sock.on('data', (chunk) => {
      greeted ||= chunk.includes('SSH-')
    })
    const quiet = () => {
      clearTimeout(timer)
      o.signal?.removeEventListener('abort', stop)
    }
    const fail = (text: string, Kind = Unreachable) => {
      quiet()
      sock.destroy()
      // A banner may be a notice for everybody; before a cut it is the reason.
      const reason = text.endsWith('closed the connection') ? banner : ''
      reject(new Kind(`${o.name}: ${text}${reason && `: ${lastLines(reason)}`}`))
    }
    const timer = setTimeout(
      () => fail(`no answer from ${at} within ${o.connectTimeoutMs / 1000} s`),
      leftMs,
    )
    const stop = () => {
      quiet()
      sock.destroy()
      reject(new Interrupted('interrupted'))
    }
    if (o.signal?.aborted) stop()
    o.signal?.addEventListener('abort', stop, { once: true })
    // An account that is expired, or a machine that still starts, is told so before it is cut off.
    client.on('banner', (text) => {
      banner = text
    })
    client.on('ready', () => {
      quiet()
      resolve()
    })
    client.on('close', () => fail(`${at} closed the connection`, greeted ? Unreachable : Dropped))
    client.on('error', (error) => {
      // The agent is one of several ways; ssh2 goes on with the next one.
      if (error.level === 'agent') return ways.agentFailed(error.message)
      const isDropped = !greeted && /before handshake|ECONNRESET/i.test(error.message)
      const kind = isDropped ? Dropped : isRefusal(error) ? LoginRefused : Unreachable
      fail(hostKeyProblem ?? explain(error, o, at, ways), kind)
    })
    client.connect({
      sock,
      username: user,
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
  return {
    name: o.name,
    user,
    become: o.become ?? false,
    becomePassword: o.becomePassword,
    exec: (command) =>
      new Promise((resolve, reject) => {
        client.exec(command, (error, channel) => {
          if (error) return reject(error)
          // It may come in one piece with the answer, before anybody else listens.
          channel.once('exit', (...exited: unknown[]) => Object.assign(channel, { exited }))
          resolve(channel)
        })
      }),
    lost: lost.signal,
    close: () => close(client, sock),
    destroy: () => void client.destroy(),
  }
}

function readKnown(o: Options): KnownHost {
  try {
    return lookUp(o.knownHosts, o.address, o.port)
  } catch (error) {
    throw new Unreachable(`${o.name}: known_hosts: ${(error as Error).message}`)
  }
}

function hostKeyProblemOf(known: KnownHost, key: Buffer, o: Options, at: string) {
  const [first = '~/.ssh/known_hosts'] = o.knownHosts
  const files = o.knownHosts.join(', ')
  const got = fingerprint(key)
  switch (judge(known, key)) {
    case 'known':
      return undefined
    case 'revoked':
      return `host key of ${at} (${got}) is marked @revoked in ${files}`
    case 'unknown':
      return `host key of ${at} is in ${files ? `none of ${files}` : 'no file, since none is named'} (got ${got}); ${howToKnow(o.address, o.port, first)}`
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

const isRefusal = (error: ClientError) =>
  error.level === 'client-authentication' || /authentication failures/i.test(error.message)

function explain(error: ClientError, o: Options, at: string, ways: Credentials): string {
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
  if (isRefusal(error)) {
    return `login as ${o.user} refused by ${at} (${ways.tried()})`
  }
  const isEarly = /before handshake/i.test(error.message)
  if (isEarly) return `${at} closed the connection before it greeted as an SSH server does`
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
