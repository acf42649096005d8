import { randomBytes } from 'node:crypto'
import { existsSync, mkdirSync } from 'node:fs'
import { readFile, rename, stat, writeFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { dirname, join, relative, resolve } from 'node:path'
import { text } from 'node:stream/consumers'
import { UsageError } from '../core/errors.ts'
import { provideSecrets, Secret } from '../core/secret.ts'
import type { Inventory } from '../inventory/index.ts'

/** Where an inventory's secrets are kept: one file encrypted with age, one key to read it. */
export interface SecretFiles {
  readonly secrets: string
  readonly identity: string
}

/**
 * `~/.config/tandem/NAME.secrets.age` and `identity.txt`, or what TANDEM_SECRETS names as the folder. Throws
 * UsageError for a folder in the checkout at `root`: a commit would publish the secrets with their key.
 */
export function secretFiles(inventory: string, env: NodeJS.ProcessEnv, root = ''): SecretFiles {
  const config = env.XDG_CONFIG_HOME || (homedir() && join(homedir(), '.config'))
  const named = env.TANDEM_SECRETS || (config && join(config, 'tandem'))
  if (!named) throw new UsageError('Expected HOME or TANDEM_SECRETS to name a folder, got neither')
  const folder = resolve(named)
  const isInside = !relative(resolve(root), folder).startsWith('..')
  if (root !== '' && isInside && existsSync(join(root, '.git'))) {
    throw new UsageError(
      `Expected a folder for secrets outside of the checkout (TANDEM_SECRETS), got ${folder}: a commit would publish them with their key`,
    )
  }
  const secrets = join(folder, `${inventory}.secrets.age`)
  return { secrets, identity: join(folder, 'identity.txt') }
}

/** Values that exist elsewhere, by the name of their secret. */
export type Given = Readonly<Record<string, string>>

/** Names of all secrets that an inventory asks for, and of those whose values must be told. */
export function namesIn(inventory: Inventory): { all: string[]; given: string[] } {
  const all = new Set<string>()
  const given = new Set<string>()
  const visit = (value: unknown): void => {
    if (value instanceof Secret) {
      all.add(value.name)
      if (value.given) given.add(value.name)
    } else if (typeof value === 'object' && value !== null) Object.values(value).forEach(visit)
  }
  visit(inventory.vars)
  for (const { connection, vars } of Object.values(inventory.hosts)) visit([connection, vars])
  return { all: [...all].sort(), given: [...given].sort() }
}

/** The given secrets that nobody has told yet. */
export async function untold(inventory: Inventory, files: SecretFiles): Promise<string[]> {
  const { given } = namesIn(inventory)
  const values = given.length > 0 ? await readSecrets(files) : undefined
  return given.filter((name) => !values?.has(name))
}

/** The sentence that says how to tell values that exist elsewhere. */
export function tellThem(inventory: string, names: readonly string[]): string {
  const lines = names.map((name) => `npm run secrets -- ${inventory} --set ${name}`)
  return `Inventory ${inventory} needs values from outside (${names.join(', ')}); store each of them: ${lines.join('; ')}`
}

/** Opens an inventory's secrets for this process. Throws UsageError naming what is missing and how to make it. */
export async function useSecrets(inventory: Inventory, files: SecretFiles): Promise<void> {
  const { all, given } = namesIn(inventory)
  const values = all.length > 0 ? await readSecrets(files) : undefined
  const missing = all.filter((name) => !values?.has(name))
  const toTell = missing.filter((name) => given.includes(name))
  const toMake = missing.filter((name) => !given.includes(name))
  if (missing.length > 0) {
    const make = `Inventory ${inventory.name} needs the secrets ${toMake.join(', ')}, expected in ${files.secrets}. Copy that file and its key from the administrator who has them, or, for a new pair, make them once: npm run secrets -- ${inventory.name}`
    const sentences = [
      toMake.length > 0 && make,
      toTell.length > 0 && tellThem(inventory.name, toTell),
    ]
    throw new UsageError(sentences.filter(Boolean).join('. '))
  }
  provideSecrets((name) => {
    const value = values?.get(name)
    if (value !== undefined) return value
    throw new UsageError(`Inventory ${inventory.name} has no secret \`${name}\``)
  }, values?.values())
}

/**
 * Makes the secrets an inventory asks for and does not have yet, and keeps those of `told` that it
 * asks for, in the place of older values too; returns the names of all that were written.
 */
export function makeSecrets(
  inventory: Inventory,
  files: SecretFiles,
  told: Given = {},
): Promise<readonly string[]> {
  const { all, given } = namesIn(inventory)
  const isTold = (name: string) => Object.hasOwn(told, name)
  const wanted = Object.entries(told).filter(([name]) => all.includes(name))
  const names = all.filter((name) => !given.includes(name) && !isTold(name))
  return createSecrets(files, names, Object.fromEntries(wanted))
}

/** Reads an inventory's secrets by name. Throws UsageError where one of the two files is no good. */
export async function readSecrets(files: SecretFiles): Promise<Map<string, string> | undefined> {
  const sealed = await readIfThere(files.secrets)
  if (!sealed) return undefined
  const identity = await readIdentity(files.identity)
  if (!identity) {
    throw new UsageError(
      `expected the key that opens ${files.secrets} in ${files.identity}, got no such file`,
    )
  }
  const { Decrypter } = await age()
  const decrypter = new Decrypter()
  try {
    decrypter.addIdentity(identity)
    // A stream, since whole files the library gathers with `fetch`, which is long to load.
    const plain = await text(await decrypter.decrypt(new Blob([new Uint8Array(sealed)]).stream()))
    return new Map(Object.entries(JSON.parse(plain) as Record<string, string>))
  } catch {
    throw new UsageError(
      `${files.secrets} cannot be opened with the key in ${files.identity}: the file is damaged, or it was encrypted for another key`,
    )
  }
}

/** Loaded when there is a secret to open: it takes longer to load than most runs take to connect. */
const age = () => import('age-encryption')

/** Makes the secrets named, keeping those already there, and keeps the values told; returns the names written. */
export async function createSecrets(
  files: SecretFiles,
  names: readonly string[],
  told: Given = {},
): Promise<readonly string[]> {
  if (names.length === 0 && Object.keys(told).length === 0) return []
  const have = (await readSecrets(files)) ?? new Map<string, string>()
  const missing = names.filter((name) => !have.has(name))
  const changed = Object.entries(told).filter(([name, value]) => have.get(name) !== value)
  const written = [...missing, ...changed.map(([name]) => name)].sort()
  if (written.length === 0) return []
  for (const name of missing) have.set(name, randomBytes(24).toString('hex'))
  for (const [name, value] of changed) have.set(name, value)
  const { Encrypter, generateX25519Identity, identityToRecipient } = await age()
  let identity = await readIdentity(files.identity)
  if (!identity) {
    identity = await generateX25519Identity()
    await writeDurably(files.identity, `${identity}\n`)
  }
  const encrypter = new Encrypter()
  encrypter.addRecipient(await identityToRecipient(identity))
  const sealed = await encrypter.encrypt(JSON.stringify(Object.fromEntries(have)))
  await writeDurably(files.secrets, sealed)
  return written
}

/** The key of an identity file; undefined when there is no file, UsageError when it is no good. */
async function readIdentity(path: string): Promise<string | undefined> {
  const text = await readIfThere(path)
  if (!text) return undefined
  const { mode } = await stat(path)
  if ((mode & 0o077) !== 0) {
    throw new UsageError(
      `${path} can be read by others (mode ${(mode & 0o777).toString(8)}): type chmod 600 ${path}, and assume that others know the secrets`,
    )
  }
  const key = /^AGE-SECRET-KEY-1\S+/m.exec(text.toString())?.[0] ?? ''
  try {
    await (await age()).identityToRecipient(key)
  } catch {
    // The library's words quote the key.
    throw new UsageError(`${path}: expected a line AGE-SECRET-KEY-1… with a whole key, got none`)
  }
  return key
}

async function readIfThere(path: string): Promise<Buffer | undefined> {
  try {
    return await readFile(path)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw new UsageError(`${path}: ${(error as Error).message}`)
  }
}

async function writeDurably(path: string, content: string | Uint8Array): Promise<void> {
  const temporary = `${path}.${process.pid}`
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
    await writeFile(temporary, content, { mode: 0o600, flush: true })
    await rename(temporary, path)
  } catch (error) {
    throw new UsageError((error as Error).message)
  }
}
