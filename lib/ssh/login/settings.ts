import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { Interrupted, sentence, Unreachable } from '../../core/errors.ts'
import { closePipes, killGroup } from './child.ts'
import { type ConnectOptions, lastLines } from './connection.ts'
import { expandHome } from './credentials.ts'

/** What ssh has settled for a host: from our words, its configuration and its defaults. */
export interface Settings {
  /** The value of a keyword in lower case; the first of several. */
  value(keyword: string): string | undefined
}

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

const ownConfig = () => expandHome('~/.ssh/config')

/** `ssh` with the agent that this login is to use, and with other variables. */
export function sshWith(
  { agent }: Pick<ConnectOptions, 'agent'>,
  variables: readonly string[] = [],
): string[] {
  const own = agent ? [`SSH_AUTH_SOCK=${agent}`] : ['-u', 'SSH_AUTH_SOCK']
  return ['env', ...own, ...variables, 'ssh']
}

/** A list of files in one option; without a quoted `%`, which ssh would take for a token. */
const listOf = (paths: readonly string[]) =>
  paths.length === 0 ? 'none' : paths.map((path) => `"${literal(path)}"`).join(' ')
const literal = (path: string) => path.replaceAll('%', '%%')

/** The words for ssh that say where to, as whom and with which files; the host comes last. */
export function destination(o: ConnectOptions, config = o.sshConfig): string[] {
  const { identityFiles: keys, knownHosts } = o
  return [
    ...(config === undefined ? [] : ['-F', expandHome(config)]),
    ...(o.port === undefined ? [] : ['-p', String(o.port)]),
    ...(o.user === undefined ? [] : ['-l', o.user]),
    ...(keys?.length === 0 ? ['-o', 'IdentityFile=none'] : []),
    ...(keys ?? []).flatMap((file) => ['-i', literal(file)]),
    ...(knownHosts ? ['-o', `UserKnownHostsFile=${listOf(knownHosts)}`] : []),
    ...(knownHosts ? ['-o', 'GlobalKnownHostsFile=none'] : []),
    ...(o.proxyJump ? ['-J', o.proxyJump] : []),
    '--',
    o.address,
  ]
}

/** What `ssh -G` says, by keyword. */
async function ask(words: readonly string[], o: ConnectOptions): Promise<Map<string, string[]>> {
  const stdout = await output([...sshWith(o), '-G', '-N', '-T', ...words], o)
  const found = new Map<string, string[]>()
  for (const line of stdout.split('\n')) {
    const [keyword = ''] = line.split(' ', 1)
    found.set(keyword, [...(found.get(keyword) ?? []), line.slice(keyword.length + 1)])
  }
  return found
}

/** What a program prints; it and what it has started (`Match exec`) are ended after the time limit. */
function output([program = '', ...words]: readonly string[], o: ConnectOptions): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, words, { detached: true, stdio: ['ignore', 'pipe', 'pipe'] })
    let [out, err] = ['', '']
    child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      out += text
    })
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      err += text
    })
    const settle = (work: () => void) => {
      clearTimeout(timer)
      o.signal?.removeEventListener('abort', stop)
      work()
    }
    const end = (reason: Error) => {
      killGroup(child, 'SIGKILL')
      settle(() => reject(reason))
    }
    const stop = () => end(new Interrupted('interrupted'))
    const late = `it did not end within ${o.connectTimeoutMs / 1000} s (a command of Match exec?)`
    const timer = setTimeout(() => end(new NoSettings(late)), o.connectTimeoutMs)
    o.signal?.addEventListener('abort', stop)
    if (o.signal?.aborted) stop()
    child.once('error', (error) => settle(() => reject(new NoSettings(error.message))))
    child.once('exit', () => closePipes(child))
    child.once('close', (code) =>
      settle(() => {
        if (code === 0) resolve(out)
        else reject(new NoSettings(lastLines(err) || `exit code ${code}`, code === 127))
      }),
    )
  })
}

/** ssh did not say what it has settled; `missing` where there is no ssh. */
class NoSettings extends Error {
  readonly missing: boolean

  constructor(text: string, missing = false) {
    super(text)
    this.missing = missing
  }
}

/** Without any configuration, and so the same for all hosts that our words tell nothing else of. */
const plain = new Map<string, Promise<Map<string, string[]>>>()

function plainOf(o: ConnectOptions): Promise<Map<string, string[]>> {
  const words = destination({ ...o, address: 'host', proxyJump: undefined }, 'none')
  const key = JSON.stringify(words)
  const known = plain.get(key) ?? ask(words, o)
  plain.set(key, known)
  known.catch(() => plain.delete(key))
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
  if (!said && (o.sshConfig === 'none' || ![ownConfig(), '/etc/ssh/ssh_config'].some(existsSync)))
    return undefined
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
    if (!said && !existsSync(ownConfig())) return undefined
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

/** `env` ends with 127 where it does not find the program. */
const isMissing = (error: unknown) => error instanceof NoSettings && error.missing

const unreadable = (error: unknown, o: ConnectOptions) =>
  error instanceof Interrupted
    ? error
    : new Unreachable(`${o.name}: ssh cannot read its configuration: ${sentence(error)}`)
