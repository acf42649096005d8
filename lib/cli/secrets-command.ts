import { join } from 'node:path'
import { exitCodes, UsageError } from '../errors.ts'
import { load } from '../inventory/index.ts'
import type { Context } from './context.ts'
import { makeSecrets, secretFiles } from './secrets.ts'

/** `npm run secrets -- INVENTORY`: makes the secrets that an inventory lacks; never changes or prints one. */
export async function secrets(argv: readonly string[], context: Context): Promise<number> {
  const [name, ...more] = argv
  if (!name || name.startsWith('-') || more.length > 0) {
    throw new UsageError('Expected one inventory, as in: npm run secrets -- production')
  }
  const loaded = await load(name, join(context.root, 'inventory'))
  if (loaded.kind !== 'ready') {
    throw new UsageError(`Inventory ${name} is the embedded lab's: it makes its secrets by itself`)
  }
  const files = secretFiles(name, context.env)
  const made = await makeSecrets(loaded.inventory, files)
  context.stdout.write(
    made.length === 0
      ? `Nothing to do: ${files.secrets} has every secret of ${name}\n`
      : `Made ${made.join(', ')} in ${files.secrets}; ${files.identity} opens it: keep a copy of both\n`,
  )
  return exitCodes.converged
}
