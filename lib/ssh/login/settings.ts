import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { homedir } from 'node:os'
import { promisify } from 'node:util'
import { Unreachable } from '../../core/errors.ts'
import { type ConnectOptions, lastLines } from './connection.ts'

/** What ssh has settled for a host: from our words, its configuration and its defaults. */
export interface Settings {
  /** The value of a keyword in lower case; the first of several. */
  value(keyword: string): string | undefined
}

const run = promisify(execFile)

/** Keywords that change nothing of how a host is reached and known, or that we set ourselves. */
const harmless = new Set(
  (
    'host hostname batchmode checkhostip clearallforwardings connecttimeout controlmaster controlpath controlpersist ' +
    'dynamicforward enableescapecommandline escapechar exitonforwardfailure fingerprinthash ' +
    'forkafterauthentication forwardx11 forwardx11timeout forwardx11trusted gatewayports ' +
    'gssapiauthentication gssapidelegatecredentials gssapikeyexchange hashknownhosts ipqos ' +
    'kbdinteractiveauthentication localforward loglevel logverbose numberofpasswordprompts ' +
    'passwordauthentication remotecommand remoteforward requesttty sendenv serveralivecountmax ' +
    'serveraliveinterval sessiontype setenv stdinnull streamlocalbindmask streamlocalbindunlink ' +
    'syslogfacility tag tcpkeepalive updatehostkeys visualhostkey xauthlocation'
  ).split(' '),
)

/** ssh's own files of configuration. */
const files = () => [`${homedir()}/.ssh/config`, '/etc/ssh/ssh_config']

/** `ssh` with the agent that this login is to use, and with other variables. */
export function sshWith(
  { agent }: Pick<ConnectOptions, 'agent'>,
  variables: readonly string[] = [],
): string[] {
  const own = agent ? [`SSH_AUTH_SOCK=${agent}`] : ['-u', 'SSH_AUTH_SOCK']
  return ['env', ...own, ...variables, 'ssh']
}

/** The words for ssh that say where to, as whom and with which files; the host comes last. */
export function destination(o: ConnectOptions, config = o.sshConfig): string[] {
  const known = o.knownHosts?.map((file) => `"${file}"`).join(' ')
  return [
    ...(config === undefined ? [] : ['-F', config]),
    ...(o.port === undefined ? [] : ['-p', String(o.port)]),
    ...(o.user === undefined ? [] : ['-l', o.user]),
    ...(o.identityFiles ?? []).flatMap((file) => ['-i', file]),
    ...(known ? ['-o', `UserKnownHostsFile=${known}`, '-o', 'GlobalKnownHostsFile=none'] : []),
    ...(o.proxyJump ? ['-J', o.proxyJump] : []),
    '--',
    o.address,
  ]
}

async function ask(words: readonly string[], o: ConnectOptions): Promise<Map<string, string[]>> {
  const [command = '', ...rest] = [...sshWith(o), '-G', '-T', ...words]
  const { stdout } = await run(command, rest, { timeout: o.connectTimeoutMs })
  const found = new Map<string, string[]>()
  for (const line of stdout.split('\n')) {
    const [keyword = ''] = line.split(' ', 1)
    found.set(keyword, [...(found.get(keyword) ?? []), line.slice(keyword.length + 1)])
  }
  return found
}

/** Without any configuration, and so the same for all hosts that our words tell nothing else of. */
const plain = new Map<string, Promise<Map<string, string[]>>>()

function plainOf(o: ConnectOptions): Promise<Map<string, string[]>> {
  const words = destination({ ...o, address: 'host', proxyJump: undefined }, 'none')
  const key = JSON.stringify(words)
  const known = plain.get(key) ?? ask(words, o)
  plain.set(key, known)
  return known
}

/** `ask` is what ssh does by itself: an unknown host's key is refused by us in both cases. */
const meaning = (keyword: string, values: readonly string[] = []) =>
  keyword === 'stricthostkeychecking' && /^(ask|true|yes)$/.test(values[0] ?? '')
    ? 'ask'
    : values.join('\n')

/**
 * What ssh has settled for a host; undefined where its configuration says nothing of how the host is
 * reached. Rejects with `Unreachable` where the configuration cannot be read.
 */
export async function settingsOf(o: ConnectOptions): Promise<Settings | undefined> {
  const said = o.proxyJump !== undefined || (o.sshConfig !== undefined && o.sshConfig !== 'none')
  if (!said && (o.sshConfig === 'none' || !files().some(existsSync))) return undefined
  try {
    const [own, usual] = await Promise.all([ask(destination(o), o), plainOf(o)])
    const differs = [...new Set([...own.keys(), ...usual.keys()])].some(
      (keyword) =>
        !harmless.has(keyword) &&
        meaning(keyword, own.get(keyword)) !== meaning(keyword, usual.get(keyword)),
    )
    const elsewhere = own.get('hostname')?.[0]?.toLowerCase() !== o.address.toLowerCase()
    if (!said && !differs && !elsewhere) return undefined
    return { value: (keyword) => own.get(keyword)?.[0] }
  } catch (error) {
    if (!isMissing(error)) throw unreadable(error, o)
    if (!said && !existsSync(`${homedir()}/.ssh/config`)) return undefined
    throw new Unreachable(
      `${o.name}: expected the program ssh (Debian: openssh-client), which reads ssh's configuration and follows jump hosts`,
    )
  }
}

/** What ssh settles by our words alone, for keys that only ssh itself can use; undefined where there is no ssh. */
export async function settingsWithout(o: ConnectOptions): Promise<Settings | undefined> {
  try {
    const own = await ask(destination(o, 'none'), o)
    return { value: (keyword) => own.get(keyword)?.[0] }
  } catch (error) {
    if (!isMissing(error)) throw unreadable(error, o)
    return undefined
  }
}

type Failure = { readonly code?: unknown; readonly stderr?: string }

/** `env` ends with 127 where it does not find the program. */
const isMissing = (error: unknown) => [127, 'ENOENT'].includes((error as Failure).code as string)

function unreadable(error: unknown, o: ConnectOptions): Unreachable {
  const said = lastLines((error as Failure).stderr ?? '') || String(error)
  return new Unreachable(`${o.name}: ssh cannot read its configuration: ${said}`)
}
