import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { secrets as command } from '../../lib/cli/secrets/secrets-command.ts'
import { Interrupted, UsageError } from '../../lib/core/errors.ts'
import { secret } from '../../lib/core/secret.ts'
import type { Inventory } from '../../lib/inventory/index.ts'
import {
  makeSecrets,
  readSecrets,
  type SecretFiles,
  secretFiles,
  untold,
  useSecrets,
} from '../../lib/secrets/secret-store.ts'

const inventory: Inventory = {
  name: 'pair',
  production: true,
  hosts: {},
  groups: {},
  vars: { console: secret('console'), drbd: secret('drbd') },
  timeouts: { connect: 1000, check: 1000, apply: 1000 },
}

let folder: string
let files: SecretFiles
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tandem-given-'))
  files = secretFiles('pair', { TANDEM_SECRETS: folder })
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

/** The sentence of a refusal. */
async function refusal(work: Promise<unknown>): Promise<string> {
  const error = await work.catch((reason: unknown) => reason)
  expect(error).toBeInstanceOf(UsageError)
  return (error as UsageError).message
}

describe('that exist elsewhere', () => {
  const fenced: Inventory = {
    ...inventory,
    vars: { list: inventory.vars, fencing: [secret('fencing.M1', { given: true })] },
  }
  const told = { 'fencing.M1': 'pass phrase 1', other: 'nobody asks for it' }

  test('are never made, and named with the line that tells them', async () => {
    expect(await makeSecrets(fenced, files)).toEqual(['console', 'drbd'])
    expect(await refusal(useSecrets(fenced, files))).toBe(
      'Inventory pair needs values from outside (fencing.M1); store each of them: npm run secrets -- pair --set fencing.M1',
    )
    expect(await untold(fenced, files)).toEqual(['fencing.M1'])
  })

  test('are named beside those that can be made', async () => {
    expect(await refusal(useSecrets(fenced, files))).toMatch(
      /needs the secrets console, drbd, expected in .*npm run secrets -- pair\. Inventory pair needs values from outside \(fencing\.M1\); store each of them: /,
    )
  })

  test('are kept where the inventory asks for them, in the place of older ones too', async () => {
    expect(await makeSecrets(fenced, files, told)).toEqual(['console', 'drbd', 'fencing.M1'])
    expect([...((await readSecrets(files)) ?? [])].map(([name]) => name).sort()).toEqual([
      ...['console', 'drbd', 'fencing.M1'],
    ])
    expect(await makeSecrets(fenced, files, told)).toEqual([])
    const drbd = (await readSecrets(files))?.get('drbd')
    expect(await makeSecrets(fenced, files, { 'fencing.M1': 'another' })).toEqual(['fencing.M1'])
    expect((await readSecrets(files))?.get('fencing.M1')).toBe('another')
    expect((await readSecrets(files))?.get('drbd')).toBe(drbd)
    await useSecrets(fenced, files)
    expect(secret('fencing.M1').reveal()).toBe('another')
  })

  test('may be told for a secret that would be made otherwise', async () => {
    expect(await makeSecrets(inventory, files, { drbd: 'of the other pair' })).toHaveLength(2)
    expect((await readSecrets(files))?.get('drbd')).toBe('of the other pair')
  })
})

describe('the command with --set', () => {
  const lib = new URL('../../lib/index.ts', import.meta.url).pathname
  beforeEach(() => {
    mkdirSync(join(folder, 'inventory'))
    const connection = "{ address: '127.0.0.1', port: 1, user: 'root' }"
    writeFileSync(
      join(folder, 'inventory/pair.ts'),
      `import { secret } from '${lib}'
       export default { name: 'pair', production: true, groups: {},
         hosts: { M1: { connection: ${connection}, vars: {} } },
         timeouts: { connect: 1000, check: 1000, apply: 1000 },
         vars: { a: secret('a'), f: secret('fencing.M1', { given: true }) } }\n`,
    )
  })

  /** Runs the command with words on its standard input; `keys` come from a terminal. */
  async function set(words: readonly string[], given: string, keys = false, env = {}) {
    let said = ''
    const stream = {
      write: (piece: string) => {
        said += piece
        return true
      },
    } as unknown as NodeJS.WriteStream
    const raw: boolean[] = []
    const input = new PassThrough()
    if (keys) for (const key of given) input.write(key)
    else input.end(given)
    const setRawMode = (mode: boolean) => raw.push(mode)
    const stdin = Object.assign(input, { isTTY: keys, setRawMode }) as unknown as NodeJS.ReadStream
    const context = {
      root: folder,
      env: { TANDEM_SECRETS: folder, ...env },
      stdout: stream,
      stderr: stream,
      stdin,
    }
    const code = await command(['pair', ...words], context).catch((error: unknown) => error)
    const value = (await readSecrets(secretFiles('pair', context.env)))?.get('fencing.M1')
    return { code, said, raw, value }
  }

  test('keeps a value of standard input, and never says it', async () => {
    const first = await set(['--set', 'fencing.M1'], 'hunter number 2\n')
    expect(first).toMatchObject({ code: 0, value: 'hunter number 2' })
    expect(first.said).toMatch(/^Kept fencing\.M1 in .*: keep a copy of both\n$/)
    const again = await set(['--set=fencing.M1'], 'hunter number 2')
    expect(again.said).toMatch(/^Nothing to do: .* has this value of fencing\.M1\n$/)
    expect((await set(['--set', 'fencing.M1'], 'another')).value).toBe('another')
  })

  test('asks at a terminal without echo', async () => {
    const { code, said, raw, value } = await set(
      ['--set', 'fencing.M1'],
      'xy\x15hux\x7fnter\r',
      true,
    )
    expect({ code, value, raw }).toEqual({ code: 0, value: 'hunter', raw: [true, false] })
    expect(said).toMatch(/^The value of fencing\.M1 \(it is not shown\): \nKept fencing\.M1 in /)
  })

  test('stores nothing where it is interrupted, and gives the terminal back', async () => {
    const { code, raw, value } = await set(['--set', 'fencing.M1'], 'hunt\x03', true)
    expect(code).toBeInstanceOf(Interrupted)
    expect({ raw, value }).toEqual({ raw: [true, false], value: undefined })
  })

  test.for([
    [['--set', 'fencing.M1'], '', /^Expected the value of fencing\.M1, got nothing$/],
    [['--set', 'fencing.M1'], 'a\nb\n', /^Expected the value of fencing\.M1 to be one line/],
    [
      ['--set', 'fencing.M1', 'hunter2'],
      '',
      /^Expected no value on the command line, (?!.*hunter2)/,
    ],
    [['--set', 'fencing.M1=hunter2'], '', /^Expected no value on the command line, (?!.*hunter2)/],
    [
      ['--set', 'fencing.M2'],
      'x',
      /^Unknown given secret `fencing\.M2`, did you mean `fencing\.M1`/,
    ],
    [['--set', 'a'], 'x', /^Unknown given secret `a`/],
    [['--set'], 'x', /^Expected NAME after --set, got nothing$/],
  ] as const)('refuses %j in words', async ([words, given, sentence]) => {
    const { code, value } = await set(words, given)
    expect(code).toBeInstanceOf(UsageError)
    expect((code as Error).message).toMatch(sentence)
    expect(value).toBeUndefined()
  })

  test('tells where npm has swallowed it', async () => {
    const env = { npm_lifecycle_event: 'secrets', npm_config_set: 'fencing.M1' }
    expect(await set([], '', false, env)).toMatchObject({
      code: expect.objectContaining({ message: expect.stringContaining('npm took --set') }),
    })
  })

  test('is what the command without it names for each value that is missing', async () => {
    const line = 'store each of them: npm run secrets -- pair --set fencing.M1\n'
    const made = await set([], '')
    expect(made.said).toMatch(/^Made a in .*\nInventory pair needs values from outside/)
    expect(made.said.endsWith(line)).toBe(true)
    expect((await set([], '')).said).toMatch(/^Inventory pair needs values/)
    await set(['--set', 'fencing.M1'], 'hunter2')
    expect((await set([], '')).said).toMatch(/^Nothing to do: .* has every secret of pair\n$/)
  })
})
