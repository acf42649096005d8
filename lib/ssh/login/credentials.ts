import { existsSync, readFileSync } from 'node:fs'
import { homedir, userInfo } from 'node:os'
import ssh2, { type AnyAuthMethod, type AuthHandlerMiddleware } from 'ssh2'
import type { ConnectOptions } from './connection.ts'

/** Ways to log in, tried in turn, and a memory of what became of each. */
export interface Credentials {
  readonly handler: AuthHandlerMiddleware
  /** Called when the agent failed, so that the refusal names the reason. */
  agentFailed(reason: string): void
  /** What was tried, or why it could not be, for the message of a refusal. */
  tried(): string
}

type Attempt = { readonly label: string; readonly result: AnyAuthMethod }

/** Prepares key files, then the agent: named keys first spares the server's small limit of tries. */
export function credentials(
  user: string,
  identityFiles: readonly string[],
  agent: string | undefined,
): Credentials {
  const notes: string[] = []
  const attempts: Attempt[] = []
  for (const file of identityFiles) {
    const loaded = load(file)
    if ('problem' in loaded) notes.push(`key ${file} ${loaded.problem}`)
    else {
      const result = { type: 'publickey' as const, username: user, key: loaded.key }
      attempts.push({ label: `key ${file}`, result })
    }
  }
  if (agent) attempts.push({ label: 'agent', result: { type: 'agent', username: user, agent } })
  else if (notes.some((note) => note.endsWith('is encrypted'))) notes.push('no agent')

  const used: string[] = []
  let next = 0
  return {
    handler: (_methods, _partial, callback) => {
      const attempt = attempts[next++]
      if (!attempt) return callback(false as unknown as AnyAuthMethod)
      used.push(attempt.label)
      callback(attempt.result)
    },
    agentFailed: (reason) => notes.push(`agent at ${agent}: ${reason}`),
    tried: () => [`tried: ${used.join(', ') || 'nothing'}`, ...notes].join('; '),
  }
}

/** The home that ssh knows: the account's, whatever HOME says. */
function home(): string {
  try {
    return userInfo().homedir
  } catch {
    return homedir()
  }
}

/** `~/.ssh/id_plain` as ssh reads it. */
export const expandHome = (path: string) => path.replace(/^~(?=\/)/, home())

const usual = {
  identityFiles: ['ed25519', 'rsa', 'ecdsa', 'ed25519_sk', 'ecdsa_sk'].map(
    (type) => `~/.ssh/id_${type}`,
  ),
  knownHosts: ['~/.ssh/known_hosts', '/etc/ssh/ssh_known_hosts'].flatMap((file) => [
    file,
    file.replace(/hosts$/, 'hosts2'),
  ]),
}

/** The files that are named, else those that ssh looks for by itself. */
export function filesOf({ identityFiles, knownHosts }: ConnectOptions) {
  return {
    identityFiles: (identityFiles ?? usual.identityFiles).map(expandHome),
    knownHosts: (knownHosts ?? usual.knownHosts).map(expandHome),
  }
}

/**
 * Whether ssh itself can do more with the keys: those with a certificate, and those that are named but
 * encrypted, in hardware, or there as a public half alone, it must have first; the usual ones only
 * where nothing else lets us in.
 */
export function wantsOpenSsh(o: ConnectOptions): 'first' | 'else' | 'no' {
  const { identityFiles } = filesOf(o)
  const isSpecial = (file: string) => {
    const loaded = load(file)
    if (!('problem' in loaded)) return false
    return loaded.problem.startsWith('is ') || existsSync(`${file}.pub`)
  }
  if (identityFiles.some((file) => existsSync(`${file}-cert.pub`))) return 'first'
  if (!identityFiles.some(isSpecial)) return 'no'
  return o.identityFiles ? 'first' : 'else'
}

/** What is wrong with the keys that are named, for the message of a refusal. */
export function keyProblems(o: ConnectOptions): string[] {
  const files = o.identityFiles ? filesOf(o).identityFiles : []
  return files.flatMap((file) => {
    const loaded = load(file)
    if (!('problem' in loaded)) return []
    const hint = loaded.problem === 'is encrypted' ? '; ssh-add gives it to an agent' : ''
    return [`key ${file} ${loaded.problem}${hint}`]
  })
}

function load(file: string): { key: Buffer } | { problem: string } {
  let key: Buffer
  try {
    key = readFileSync(file)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    return { problem: code === 'ENOENT' ? 'does not exist' : `cannot be read (${code})` }
  }
  const parsed = ssh2.utils.parseKey(key)
  if (!(parsed instanceof Error) && parsed.isPrivateKey()) return { key }
  return { problem: /encrypted/i.test(String(parsed)) ? 'is encrypted' : 'is not a private key' }
}
