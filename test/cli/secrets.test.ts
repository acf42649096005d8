import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { secrets as command } from '../../lib/cli/secrets/secrets-command.ts'
import { UsageError } from '../../lib/core/errors.ts'
import { masked, secret } from '../../lib/core/secret.ts'
import type { Inventory } from '../../lib/inventory/index.ts'
import {
  createSecrets,
  makeSecrets,
  namesIn,
  readSecrets,
  type SecretFiles,
  secretFiles,
  useSecrets,
} from '../../lib/secrets/secret-store.ts'

const connection = { address: '127.0.0.1', port: 22, user: 'root' }
const inventory: Inventory = {
  name: 'pair',
  production: true,
  hosts: { M1: { connection, vars: { console: secret('console') } } },
  groups: {},
  vars: { drbd: { sharedSecret: secret('drbd') }, list: [secret('drbd'), null, 5] },
  timeouts: { connect: 1000, check: 1000, apply: 1000 },
}

let folder: string
let files: SecretFiles
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tandem-secrets-'))
  files = secretFiles('pair', { TANDEM_SECRETS: join(folder, 'deep/er') })
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const modeOf = (path: string) => (statSync(path).mode & 0o777).toString(8)

/** The sentence of a refusal. */
async function refusal(work: Promise<unknown>): Promise<string> {
  const error = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  )
  expect(error).toBeInstanceOf(UsageError)
  return (error as UsageError).message
}

test('are looked for where the environment says', () => {
  expect(secretFiles('pair', { TANDEM_SECRETS: '/s' }).identity).toBe('/s/identity.txt')
  expect(secretFiles('pair', { XDG_CONFIG_HOME: '/c' }).secrets).toBe('/c/tandem/pair.secrets.age')
  expect(secretFiles('pair', { HOME: '/ignored' }).secrets).toMatch(/\/\.config\/tandem\/pair\./)
})

test('are kept in no checkout, and where the environment names a place', () => {
  const checkout = join(folder, 'checkout')
  mkdirSync(join(checkout, '.git'), { recursive: true })
  const inside = { TANDEM_SECRETS: join(checkout, 'inventory/.sec') }
  expect(() => secretFiles('pair', inside, checkout)).toThrow(
    `Expected a folder for secrets outside of the checkout (TANDEM_SECRETS), got ${inside.TANDEM_SECRETS}`,
  )
  const beside = { TANDEM_SECRETS: join(folder, 'checkout-secrets') }
  expect(secretFiles('pair', beside, checkout).identity).toBe(
    `${beside.TANDEM_SECRETS}/identity.txt`,
  )
  vi.stubEnv('HOME', '')
  expect(() => secretFiles('pair', {}, checkout)).toThrow(UsageError)
  vi.unstubAllEnvs()
})

test('are named wherever the variables hide them, each once', () => {
  expect(namesIn(inventory).all).toEqual(['console', 'drbd'])
})

test('are made once, kept unreadable for others, and opened again', async () => {
  expect(await makeSecrets(inventory, files)).toEqual(['console', 'drbd'])
  expect([files.secrets, files.identity, join(folder, 'deep/er')].map(modeOf)).toEqual([
    '600',
    '600',
    '700',
  ])
  const values = [...((await readSecrets(files)) ?? new Map()).values()]
  expect(values).toEqual([
    expect.stringMatching(/^[0-9a-f]{48}$/),
    expect.stringMatching(/^[0-9a-f]{48}$/),
  ])
  expect(new Set(values).size).toBe(2)
  for (const value of values) expect(readFileSync(files.secrets, 'latin1')).not.toContain(value)

  await useSecrets(inventory, files)
  const value = secret('drbd').reveal()
  expect(values).toContain(value)
  expect(masked(`authkeys: ${value}`)).toBe('authkeys: ********')
  expect(() => secret('other').reveal()).toThrow('Inventory pair has no secret `other`')
})

test('are added to those there are, which stay', async () => {
  await makeSecrets({ ...inventory, vars: {} }, files)
  const before = await readSecrets(files)
  const identity = readFileSync(files.identity, 'utf8')
  expect(await makeSecrets(inventory, files)).toEqual(['drbd'])
  expect((await readSecrets(files))?.get('console')).toBe(before?.get('console'))
  expect(await makeSecrets(inventory, files)).toEqual([])
  expect(readFileSync(files.identity, 'utf8')).toBe(identity)
})

test('that are missing are named with the command that makes them', async () => {
  expect(await refusal(useSecrets(inventory, files))).toMatch(
    /^Inventory pair needs the secrets console, drbd, expected in .*npm run secrets -- pair$/,
  )
  await useSecrets({ ...inventory, vars: {}, hosts: {} }, files)
})

/** A damage done to good files, and what every use of them then says. */
const damages: readonly [title: string, damage: () => Promise<void> | void, text: RegExp][] = [
  [
    'a key that others can read',
    () => chmodSync(files.identity, 0o644),
    /identity\.txt can be read by others \(mode 644\): type chmod 600 .*identity\.txt/,
  ],
  [
    'a missing key',
    () => rmSync(files.identity),
    /expected the key that opens .*secrets\.age in .*, got no such file/,
  ],
  [
    'the key of other secrets',
    async () => {
      const other = secretFiles('other', { TANDEM_SECRETS: folder })
      await makeSecrets(inventory, other)
      writeFileSync(files.identity, readFileSync(other.identity))
    },
    /secrets\.age cannot be opened with the key in .*: the file is damaged, or it was encrypted for another key$/,
  ],
  [
    'a mistyped key',
    () => {
      const text = readFileSync(files.identity, 'utf8')
      const at = text.length - 5
      writeFileSync(files.identity, text.slice(0, at) + (text[at] === 'Q' ? 'P' : 'Q'))
    },
    /identity\.txt: expected a line AGE-SECRET-KEY-1… with a whole key, got none$/,
  ],
  [
    'a key file with something else',
    () => writeFileSync(files.identity, 'a good password\n'),
    /expected a line AGE-SECRET-KEY-1…/,
  ],
  [
    'a damaged file',
    () => {
      const sealed = readFileSync(files.secrets)
      sealed[sealed.length - 3] = (sealed.at(-3) ?? 0) ^ 1
      writeFileSync(files.secrets, sealed)
    },
    /cannot be opened with the key/,
  ],
  ['an empty file', () => writeFileSync(files.secrets, ''), /cannot be opened with the key/],
]

test.for(damages)('%s is refused without a word of what it holds', async ([, damage, text]) => {
  await makeSecrets(inventory, files)
  const good = [...((await readSecrets(files)) ?? new Map<string, string>()).values()]
  good.push(readFileSync(files.identity, 'utf8').slice(0, 40))
  await damage()
  const held = [files.secrets, files.identity].map((path) => {
    try {
      return readFileSync(path, 'latin1')
    } catch {
      return undefined
    }
  })
  for (const work of [useSecrets, makeSecrets]) {
    const said = await refusal(work(inventory, files))
    expect(said).toMatch(text)
    expect(said).not.toContain('password')
    for (const value of good) expect(said).not.toContain(value)
  }
  // A refusal must not replace what an administrator may still repair.
  expect(readFileSync(files.secrets, 'latin1')).toBe(held[0])
  if (held[1] !== undefined) expect(readFileSync(files.identity, 'latin1')).toBe(held[1])
})

test('a bad key is not quoted when new secrets are made for it either', async () => {
  await makeSecrets(inventory, files)
  const half = readFileSync(files.identity, 'utf8').slice(0, 40)
  rmSync(files.secrets)
  writeFileSync(files.identity, half)
  expect(await refusal(makeSecrets(inventory, files))).not.toContain(half)
  chmodSync(files.identity, 0o640)
  expect(await refusal(makeSecrets(inventory, files))).toContain('(mode 640)')
})

test('a folder that cannot be made is named', async () => {
  writeFileSync(join(folder, 'deep'), 'a file')
  expect(await refusal(makeSecrets(inventory, files))).toContain(`${folder}/deep`)
})

test('the command says what it made, and never a value', async () => {
  let text = ''
  const stream = {
    write: (piece: string) => {
      text += piece
      return true
    },
  } as unknown as NodeJS.WriteStream
  const root = new URL('../..', import.meta.url).pathname
  const env = { TANDEM_SECRETS: folder }
  const context = { root, env, stdout: stream, stderr: stream }
  expect(await command(['production'], context)).toBe(0)
  expect(text).toMatch(
    /^Made drbd\.sharedSecret, heartbeat\.key in .*: keep a copy of both\nInventory production needs values from outside \(fencing\.M1, fencing\.M2\); store each of them: .*\n$/,
  )
  const made = await readSecrets(secretFiles('production', env))
  for (const value of made?.values() ?? []) expect(text).not.toContain(value)
  const told = { 'fencing.M1': 'what the controller of M1 has', 'fencing.M2': 'and that of M2' }
  await createSecrets(secretFiles('production', env), [], told)
  expect(await command(['production'], context)).toBe(0)
  expect(text).toMatch(/\nNothing to do: /)
  for (const value of Object.values(told)) expect(text).not.toContain(value)
  for (const words of [[], ['--help'], ['production', 'x']]) {
    expect(await refusal(command(words, context))).toMatch(/^Expected one inventory/)
  }
  expect(await refusal(command(['lab'], context))).toContain(
    'the lab, which makes its secrets by itself',
  )
})
