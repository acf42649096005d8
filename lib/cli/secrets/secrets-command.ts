import { join } from 'node:path'
import { exitCodes, UsageError } from '../../core/errors.ts'
import { type Inventory, load, unknownName } from '../../inventory/index.ts'
import {
  createSecrets,
  makeSecrets,
  namesIn,
  type SecretFiles,
  secretFiles,
  tellThem,
  untold,
} from '../../secrets/secret-store.ts'
import { read } from '../common/args.ts'
import { askValue } from '../common/ask-value.ts'
import type { Context } from '../common/context.ts'
import { secretsOptions } from '../common/option-table.ts'

/**
 * `npm run secrets -- INVENTORY`: makes the secrets that an inventory lacks; with `--set NAME` it
 * keeps one that exists elsewhere. It never prints one, and changes none without `--set`.
 */
export async function secrets(argv: readonly string[], context: Context): Promise<number> {
  const { words, name, set } = wordsOf(argv, context.env)
  if (!name || name.startsWith('-') || words.length > 1) {
    throw new UsageError('Expected one inventory, as in: npm run secrets -- production')
  }
  const loaded = await load(name, join(context.root, 'inventory'))
  if (loaded.kind !== 'ready') {
    throw new UsageError(`Inventory ${name} belongs to the lab, which makes its secrets by itself`)
  }
  const files = secretFiles(name, context.env, context.root)
  const work = set === undefined ? make : keep
  context.stdout.write(await work(loaded.inventory, files, context, set ?? ''))
  return exitCodes.converged
}

function wordsOf(argv: readonly string[], env: NodeJS.ProcessEnv) {
  const [first] = argv
  if (env.npm_lifecycle_event === 'secrets' && env.npm_config_set && argv.length === 1) {
    throw new UsageError(
      `npm took --set for itself and nothing was done; type: npm run secrets -- ${first} --set NAME`,
    )
  }
  if (!argv.some((word) => /^--set(=|$)/.test(word))) return { words: argv, name: first }
  const { words, text } = read(argv, secretsOptions)
  const set = text('set') ?? ''
  const [name] = words
  // Not quoted: what should not be there is the secret.
  if (set.includes('=') || words.length > 1) {
    throw new UsageError(
      'Expected no value on the command line, where everybody on this machine sees it; npm run secrets -- INVENTORY --set NAME asks for it',
    )
  }
  return { words, name, set }
}

async function make(inventory: Inventory, files: SecretFiles): Promise<string> {
  const made = await makeSecrets(inventory, files)
  const toTell = await untold(inventory, files)
  const still = toTell.length > 0 ? `${tellThem(inventory.name, toTell)}\n` : ''
  if (made.length > 0) return `Made ${made.join(', ')} ${kept(files)}${still}`
  return still || `Nothing to do: ${files.secrets} has every secret of ${inventory.name}\n`
}

async function keep(
  inventory: Inventory,
  files: SecretFiles,
  context: Context,
  name: string,
): Promise<string> {
  const { given: names } = namesIn(inventory)
  if (names.length === 0) {
    throw new UsageError(`Inventory ${inventory.name} needs no value from outside`)
  }
  if (!names.includes(name)) throw new UsageError(unknownName('given secret', name, names))
  const written = await createSecrets(files, [], {
    [name]: await askValue(context, `the value of ${name}`),
  })
  if (written.length > 0) return `Kept ${name} ${kept(files)}`
  return `Nothing to do: ${files.secrets} has this value of ${name}\n`
}

const kept = ({ secrets, identity }: SecretFiles) =>
  `in ${secrets}; ${identity} opens it: keep a copy of both\n`
