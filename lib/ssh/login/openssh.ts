import { Unreachable } from '../../core/errors.ts'
import { ChannelRefused } from '../mux/mux.ts'
import { string, uint32 } from '../mux/wire.ts'
import {
  type Connection,
  type ConnectOptions,
  Dropped,
  LoginRefused,
  lastLines,
} from './connection.ts'
import { keyProblems } from './credentials.ts'
import { LoginFailed, type Master, startMaster } from './master.ts'
import { destination, type Settings, settingsOf, settingsWithout } from './settings.ts'

const closeGraceMs = 2_000
/** More hops than anybody has: a jump host that is reached through itself. */
const maxHops = 8

/** A connection for others to jump through, and how many do. */
interface Bastion {
  readonly master: Promise<Master>
  users: number
}

const bastions = new Map<string, Bastion>()

/** Logs in by OpenSSH itself, within `leftMs`; rejects with `Unreachable` and what ssh said. */
export async function viaOpenSsh(
  o: ConnectOptions,
  settings: Settings,
  leftMs: number,
): Promise<Connection> {
  const user = settings.value('user') ?? o.user ?? ''
  const at = `${settings.value('hostname') ?? o.address}:${settings.value('port') ?? o.port}`
  const { master, release } = await open(o, settings, leftMs)
  const lost = new AbortController()
  void master.ended.then(() => {
    const why = lastLines(master.said())
    lost.abort(new Unreachable(`${o.name}: connection to ${at} ${why ? `lost: ${why}` : 'closed'}`))
    master.mux.end()
    release()
  })
  return {
    name: o.name,
    user,
    become: o.become ?? false,
    becomePassword: o.becomePassword,
    exec: async (command) => {
      const channel = await master.mux.open('session')
      if (settings.value('forwardagent') !== 'no') {
        await channel.request('auth-agent-req@openssh.com')
      }
      if (await channel.request('exec', string(command))) return channel
      channel.close()
      throw new Error('the server refused to run a command')
    },
    lost: lost.signal,
    close: async () => {
      master.kill()
      const timer = setTimeout(() => master.kill('SIGKILL'), closeGraceMs)
      await master.ended.finally(() => clearTimeout(timer))
    },
    destroy: () => master.kill('SIGKILL'),
  }
}

/** A master that is logged in, through the jump hosts that the settings name. */
async function open(o: ConnectOptions, settings: Settings, leftMs: number, hops = 0) {
  const jump = settings.value('proxyjump')
  const via = jump && jump !== 'none' ? await jumpHost(o, jump, leftMs, hops) : undefined
  try {
    // ssh takes no -J beside a ProxyCommand, which is how it follows jump hosts itself.
    const where = destination(via ? { ...o, proxyJump: undefined } : o)
    const words = [...ownWords(o, settings, via?.master), ...where]
    const master = await startMaster(o, words, leftMs)
    return { master, release: () => via?.release() }
  } catch (error) {
    const failure = await failureOf(error, o, settings, via?.master)
    via?.release()
    throw failure
  }
}

/** What must be so whatever the configuration says; the first word on a keyword counts. */
function ownWords(o: ConnectOptions, settings: Settings, via: Master | undefined): string[] {
  const strict = settings.value('stricthostkeychecking') ?? ''
  const forkes = settings.value('forkafterauthentication') === 'yes'
  const options: Record<string, string | undefined> = {
    // Nobody is there to be asked for what a host's key should be.
    StrictHostKeyChecking: /^(accept-new|false|no|off)$/.test(strict) ? 'accept-new' : 'yes',
    BatchMode: o.ask ? 'no' : 'yes',
    UpdateHostKeys: 'no',
    ControlPersist: 'no',
    ClearAllForwardings: 'yes',
    RemoteCommand: settings.value('remotecommand') && 'none',
    ForkAfterAuthentication: forkes ? 'no' : undefined,
    ConnectTimeout:
      settings.value('connecttimeout') === 'none'
        ? String(Math.ceil(o.connectTimeoutMs / 1000))
        : undefined,
    ServerAliveInterval:
      settings.value('serveraliveinterval') === '0'
        ? String(Math.ceil(o.keepaliveMs / 1000))
        : undefined,
    ProxyUseFdpass: via && 'no',
    ProxyCommand:
      via &&
      `ssh -F none -S ${via.control.replaceAll('%', '%%')} -o ProxyCommand=false -W [%h]:%p jump`,
  }
  return Object.entries(options).flatMap(([keyword, value]) =>
    value ? ['-o', `${keyword}=${value}`] : [],
  )
}

/** The master of the last of `spec`'s hosts, one for all that jump through it: `[user@]host[:port],…`. */
async function jumpHost(o: ConnectOptions, spec: string, leftMs: number, hops: number) {
  if (hops >= maxHops) throw new Unreachable(`${o.name}: more than ${maxHops} jump hosts: ${spec}`)
  const before = spec.split(',')
  const last = before.pop() ?? ''
  const [, user, bracketed, plain, port] =
    /^(?:(.*)@)?(?:\[([^\]]+)\]|([^:]+))(?::(\d+))?$/.exec(last) ?? []
  const address = bracketed ?? plain
  if (address === undefined) throw new Unreachable(`${o.name}: expected jump hosts, got ${spec}`)
  // An inventory that names its jump hosts itself has no other place for their keys.
  const { identityFiles, knownHosts } = o.proxyJump === undefined ? ({} as ConnectOptions) : o
  const host: ConnectOptions = {
    ...{ name: o.name, address, user, port: port === undefined ? undefined : Number(port) },
    ...{ identityFiles, knownHosts, sshConfig: o.sshConfig, agent: o.agent, ask: o.ask },
    ...{ connectTimeoutMs: o.connectTimeoutMs, keepaliveMs: o.keepaliveMs },
    proxyJump: before.length > 0 ? before.join(',') : undefined,
  }
  const key = JSON.stringify([destination(host), o.agent])
  let bastion = bastions.get(key)
  if (!bastion) {
    const made = { master: shared(host, leftMs, hops + 1), users: 0 }
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
    return { master: await own.master, release }
  } catch (error) {
    release()
    const kind = error instanceof Dropped ? Dropped : Unreachable
    throw new kind(`${o.name}: jump host ${last}: ${reasonOf(error)}`)
  }
}

const nothing: Settings = { value: () => undefined }

async function shared(host: ConnectOptions, leftMs: number, hops: number): Promise<Master> {
  const settings = (await settingsOf(host)) ?? (await settingsWithout(host)) ?? nothing
  const { master, release } = await open(host, settings, leftMs, hops)
  void master.ended.then(() => {
    master.mux.end()
    release()
  })
  return master
}

/** The sentence behind the host's name. */
const reasonOf = (error: unknown) =>
  error instanceof Unreachable ? error.message.replace(/^[^:]+: /, '') : String(error)

async function failureOf(
  error: unknown,
  o: ConnectOptions,
  settings: Settings,
  via: Master | undefined,
): Promise<unknown> {
  if (!(error instanceof LoginFailed)) return error
  const [host, port] = [settings.value('hostname') ?? o.address, settings.value('port') ?? '22']
  const who = `ssh to ${settings.value('user') ?? o.user}@${host}:${port}`
  if (error.message === '') {
    return new Unreachable(`${o.name}: ${who} did not log in within ${o.connectTimeoutMs / 1000} s`)
  }
  const isDropped = /^kex_exchange_identification|banner exchange: .*(closed|reset)/m.test(
    error.message,
  )
  if (isDropped && via) {
    const refused = await forwardProblem(via, host, Number(port))
    if (refused)
      return new Unreachable(`${o.name}: the jump host cannot reach ${host}:${port}: ${refused}`)
  }
  const [denied] = /^.*?Permission denied \([^\n]*\)\.$/m.exec(error.message) ?? []
  if (denied) {
    const user = settings.value('user') ?? o.user
    return new LoginRefused(
      `${o.name}: login as ${user} refused by ${host}:${port} (ssh: ${[denied, ...keyProblems(o)].join('; ')})`,
    )
  }
  const kind = isDropped ? Dropped : Unreachable
  return new kind(`${o.name}: ${who} failed: ${lastLines(error.message)}`)
}

/** Why a jump host does not lead to a port: ssh tells of it only that the connection was closed. */
async function forwardProblem(via: Master, host: string, port: number) {
  const origin = [string('127.0.0.1'), uint32(0)]
  try {
    const channel = await via.mux.open('direct-tcpip', string(host), uint32(port), ...origin)
    channel.resume().close()
  } catch (error) {
    if (error instanceof ChannelRefused) return error.message
  }
  return undefined
}
