import { setTimeout as sleep } from 'node:timers/promises'
import { Unreachable } from '../../core/errors.ts'
import { ChannelRefused } from '../mux/mux.ts'
import { string } from '../mux/wire.ts'
import {
  type Connection,
  type ConnectOptions,
  Dropped,
  LoginRefused,
  lastLines,
  placeText,
} from './connection.ts'
import { keyProblems } from './credentials.ts'
import { commandThrough, forwardProblem, type Jump, jumpHost } from './jump.ts'
import { howToKnow } from './known-hosts.ts'
import { LoginFailed, LoginLate, type Master, startMaster } from './master.ts'
import { destination, type Settings, settingsOf, settingsWithout } from './settings.ts'

const closeGraceMs = 2_000
/** A jump host takes its hosts with it: its end is seen a moment after theirs. */
const jumpEndMs = 100

/** Logs in by OpenSSH itself, within `leftMs`; rejects with `Unreachable` and what ssh said. */
export async function viaOpenSsh(
  o: ConnectOptions,
  settings: Settings,
  leftMs: number,
): Promise<Connection> {
  const { master, via } = await open(o, settings, leftMs)
  const lost = new AbortController()
  const at = placeText(...placeOf(o, settings))
  const losing = async () => {
    if (via) await Promise.race([via.master.ended, sleep(jumpEndMs)])
    const jump = via?.master.over ? `the jump host ${via.name} is gone: ` : ''
    const why = lastLines((jump && via?.master.said()) || master.said())
    const text = jump || why ? `lost: ${jump}${why}` : 'closed'
    lost.abort(new Unreachable(`${o.name}: connection to ${at} ${text}`))
    master.mux.end()
    via?.release()
  }
  const ending = Promise.race([master.ended, master.mux.ended]).then(losing)
  const opened = async () => {
    try {
      return await master.mux.open('session')
    } catch (error) {
      // Refused by the server, or lost: the reason of a loss comes a moment later.
      if (!(error instanceof ChannelRefused)) await Promise.race([ending, sleep(closeGraceMs)])
      throw lost.signal.aborted ? lost.signal.reason : error
    }
  }
  return {
    name: o.name,
    user: settings.value('user') ?? o.user ?? '',
    become: o.become ?? false,
    becomePassword: o.becomePassword,
    exec: async (command) => {
      const channel = await opened()
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

/** Where ssh goes in the end. */
const placeOf = (o: ConnectOptions, settings: Settings) =>
  [settings.value('hostname') ?? o.address, settings.value('port') ?? '22'] as const

/** A master that is logged in, through the jump hosts that the settings name. */
async function open(
  o: ConnectOptions,
  settings: Settings,
  leftMs: number,
  beyond: readonly string[] = [],
): Promise<{ readonly master: Master; readonly via: Jump | undefined }> {
  const spec = settings.value('proxyjump')
  const through = async (host: ConnectOptions, keys: readonly string[]) => {
    const own = (await settingsOf(host)) ?? (await settingsWithout(host)) ?? nothing
    const { master, via } = await open(host, own, leftMs, keys)
    void master.ended.then(() => {
      master.mux.end()
      via?.release()
    })
    return master
  }
  const via = spec && spec !== 'none' ? await jumpHost(o, spec, beyond, through) : undefined
  try {
    // ssh takes no -J beside a ProxyCommand, which is how it follows jump hosts itself.
    const where = destination(via ? { ...o, proxyJump: undefined } : o)
    const master = await startMaster(o, [...ownWords(o, settings, via), ...where], leftMs)
    return { master, via }
  } catch (error) {
    const failure = await failureOf(error, o, settings, via)
    via?.release()
    throw failure
  }
}

const nothing: Settings = { value: () => undefined }

/** What must be so whatever the configuration says; the first word on a keyword counts. */
function ownWords(o: ConnectOptions, settings: Settings, via: Jump | undefined): string[] {
  const strict = settings.value('stricthostkeychecking') ?? ''
  const unless = (keyword: string, none: string, ms: number) =>
    settings.value(keyword) === none ? String(Math.ceil(ms / 1000)) : undefined
  const options: Record<string, string | undefined> = {
    // Nobody is there to be asked for what a host's key should be.
    StrictHostKeyChecking: /^(accept-new|false|no|off)$/.test(strict) ? 'accept-new' : 'yes',
    BatchMode: o.ask ? 'no' : 'yes',
    // Its words are read: why it was refused or dropped, and what the server says to that.
    LogLevel: 'INFO',
    UpdateHostKeys: 'no',
    ControlPersist: 'no',
    ClearAllForwardings: 'yes',
    RemoteCommand: settings.value('remotecommand') && 'none',
    ForkAfterAuthentication: settings.value('forkafterauthentication') === 'yes' ? 'no' : undefined,
    // Where somebody may be asked, the time in which that is done must not count; we look at the clock ourselves.
    ConnectTimeout: o.ask ? undefined : unless('connecttimeout', 'none', o.connectTimeoutMs),
    ServerAliveInterval: unless('serveraliveinterval', '0', o.keepaliveMs),
    ProxyUseFdpass: via && 'no',
    ProxyCommand: via && commandThrough(via),
  }
  return Object.entries(options).flatMap(([keyword, value]) =>
    value ? ['-o', `${keyword}=${value}`] : [],
  )
}

/** One sentence on why ssh did not log in. */
async function failureOf(
  error: unknown,
  o: ConnectOptions,
  settings: Settings,
  via: Jump | undefined,
): Promise<unknown> {
  if (!(error instanceof LoginFailed)) return error
  const [host, port] = placeOf(o, settings)
  const user = settings.value('user') ?? o.user
  const at = placeText(host, port)
  const who = `${o.name}: ssh to ${user}@${at}`
  if (error instanceof LoginLate) {
    return new Unreachable(`${who} did not log in within ${o.connectTimeoutMs / 1000} s`)
  }
  const said = error.message.replace(/^.*UNKNOWN port 65535.*$/gm, '')
  const isDropped = /^kex_exchange_identification|banner exchange: .*(closed|reset)/m.test(said)
  if (isDropped && via) {
    const refused = await forwardProblem(via, host, Number(port))
    const text = `the jump host ${via.name} cannot reach ${at}: ${refused}`
    if (refused) return new Unreachable(`${o.name}: ${text}`)
  }
  const [denied] = /^.*?Permission denied \([^\n]*\)\.$/m.exec(said) ?? []
  if (denied) {
    const why = [denied, ...keyProblems(o)].join('; ')
    return new LoginRefused(`${o.name}: login as ${user} refused by ${at} (ssh: ${why})`)
  }
  const [, file, line] = /^Offending .*key in (.+):(\d+)$/m.exec(said) ?? []
  if (file && /has changed/.test(said)) {
    const [, got = 'another'] = /remote host is\s+(SHA256:\S+?)\.?$/m.exec(said) ?? []
    const text = `host key of ${at} is not the one in ${file}:${line} (got ${got})`
    return new Unreachable(
      `${o.name}: ${text}; if the machine was reinstalled, remove the old line`,
    )
  }
  if (/^No \S+ host key is known for/m.test(said)) {
    const alias = settings.value('hostkeyalias')
    const [known = ''] = (settings.value('userknownhostsfile') ?? '').split(' ')
    // ssh-keyscan goes through no jump host, and knows no alias.
    const how = alias || via ? `add its line to ${known}` : howToKnow(host, port, known)
    return new Unreachable(`${who} failed: ${lastLines(said)}; ${how}`)
  }
  const kind = isDropped ? Dropped : Unreachable
  return new kind(`${who} failed: ${lastLines(said) || 'ssh gave no reason'}`)
}
