import { createHash, createHmac } from 'node:crypto'
import { readFileSync, statSync } from 'node:fs'
import { isIPv6 } from 'node:net'

/** One usable line of a known_hosts file. */
export interface KnownKey {
  readonly file: string
  readonly line: number
  readonly revoked: boolean
  readonly type: string
  readonly key: Buffer
}

/** What known_hosts files say of one address. */
export interface KnownHost {
  /** Keys listed for exactly this address and port. */
  readonly keys: readonly KnownKey[]
  /** Keys of the address without its port, which OpenSSH accepts too when they match. */
  readonly portless: readonly KnownKey[]
  /** Whether keys that an authority has signed are good too, which ssh2 cannot ask for. */
  readonly authority: boolean
}

/** What a presented host key is. */
export type Verdict = 'known' | 'unknown' | 'changed' | 'revoked'

function glob(pattern: string): RegExp {
  const source = pattern.replace(/[.+^${}()|[\]\\]/g, '\\$&')
  return new RegExp(`^${source.replaceAll('*', '.*').replaceAll('?', '.')}$`, 'i')
}

function hashed(field: string, name: string): boolean {
  const [, , salt, hash] = field.split('|')
  if (!salt || !hash) return false
  return createHmac('sha1', Buffer.from(salt, 'base64')).update(name).digest('base64') === hash
}

function names(field: string, name: string): boolean {
  // Most lines are of this kind, and with hundreds of hosts most of the time goes here.
  if (!/[,*?!|]/.test(field)) return field.toLowerCase() === name
  if (field.startsWith('|1|')) return hashed(field, name)
  const patterns = field.split(',').filter(Boolean)
  if (patterns.some((p) => p.startsWith('!') && glob(p.slice(1)).test(name))) return false
  return patterns.some((p) => !p.startsWith('!') && glob(p).test(name))
}

interface Entry extends KnownKey {
  readonly hosts: string
  readonly authority: boolean
}

const listedIn = new Map<string, { readonly version: string; readonly entries: Entry[] }>()

/** A file's lines, read once while it stays as it is. */
function listed(file: string): readonly Entry[] {
  let version: string
  try {
    const { mtimeNs, size, ino } = statSync(file, { bigint: true })
    version = `${mtimeNs} ${size} ${ino}`
  } catch (error) {
    // ssh reads the files that exist; a missing one knows no host.
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw error
  }
  const known = listedIn.get(file)
  if (known?.version === version) return known.entries
  const read = { version, entries: [...entries(file)] }
  listedIn.set(file, read)
  return read.entries
}

function* entries(file: string): Generator<Entry> {
  for (const [i, raw] of readFileSync(file, 'utf8').split('\n').entries()) {
    const fields = raw.trim().split(/\s+/)
    if (!fields[0] || fields[0].startsWith('#')) continue
    const marker = fields[0].startsWith('@') ? fields.shift() : undefined
    if (marker && !/^@(revoked|cert-authority)$/.test(marker)) continue
    const [hosts, type, base64] = fields
    if (!hosts || !type || !base64) continue
    const key = Buffer.from(base64, 'base64')
    const authority = marker === '@cert-authority'
    yield { file, line: i + 1, revoked: marker === '@revoked', authority, type, key, hosts }
  }
}

/** Finds what the files say of an address; files that do not exist count as empty. */
export function lookUp(files: readonly string[], address: string, port: number): KnownHost {
  // ssh writes an IPv6 address in its shortest form: ::1.
  const isLong = isIPv6(address) && !/[%.]/.test(address)
  const bare = isLong ? new URL(`http://[${address}]`).hostname.slice(1, -1) : address.toLowerCase()
  const full = port === 22 ? bare : `[${bare}]:${port}`
  const all = files.flatMap(listed)
  const of = (name: string) => all.filter((entry) => names(entry.hosts, name))
  const [keys, portless] = [of(full), port === 22 ? [] : of(bare)]
  const isKey = (entry: Entry) => !entry.authority
  const authority = [...keys, ...portless].some((entry) => entry.authority)
  return { keys: keys.filter(isKey), portless: portless.filter(isKey), authority }
}

/** The type at the head of a key in SSH's wire form. */
export function keyType(key: Buffer): string {
  return key.subarray(4, 4 + key.readUInt32BE(0)).toString('latin1')
}

/** A key as ssh-keygen -l shows it, for example `ssh-ed25519 SHA256:…`. */
export function fingerprint(key: Buffer): string {
  const hash = createHash('sha256').update(key).digest('base64').replace(/=+$/, '')
  return `${keyType(key)} SHA256:${hash}`
}

/** How an administrator makes a host known who has seen that the key is right. */
export function howToKnow(address: string, port: number | string, file: string): string {
  const where = String(port) === '22' ? address : `-p ${port} ${address}`
  return `compare it on the host's console (ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub), then: ssh-keyscan ${where} >> ${file}`
}

/** Judges a presented host key: a revoked one is refused even where another line lists it. */
export function judge(known: KnownHost, key: Buffer): Verdict {
  const same = [...known.keys, ...known.portless].filter((entry) => entry.key.equals(key))
  if (same.some((entry) => entry.revoked)) return 'revoked'
  if (same.length > 0) return 'known'
  return known.keys.some((entry) => !entry.revoked) ? 'changed' : 'unknown'
}

const algorithms = [
  'ssh-ed25519',
  'ecdsa-sha2-nistp256',
  'ecdsa-sha2-nistp384',
  'ecdsa-sha2-nistp521',
  'rsa-sha2-512',
  'rsa-sha2-256',
  'ssh-rsa',
] as const

/** All algorithms, those whose key type is already known first: else a good key looks new. */
export function preferKnown(known: KnownHost): (typeof algorithms)[number][] {
  const types = new Set([...known.keys, ...known.portless].map((entry) => entry.type))
  const isKnown = (name: string) => types.has(name.startsWith('rsa-') ? 'ssh-rsa' : name)
  return [...algorithms.filter(isKnown), ...algorithms.filter((name) => !isKnown(name))]
}
