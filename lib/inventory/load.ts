import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { sentence, UsageError } from '../core/errors.ts'
import { unknownName } from '../core/suggest.ts'
import type { EmbeddedLab, LabFacts } from './embedded.ts'
import { importFile } from './import-file.ts'
import { shown } from './issues.ts'
import { loadProblem } from './load-problem.ts'
import { skeletonProblems } from './schema.ts'
import type { Inventory } from './types.ts'

/** An inventory as its file defines it: ready, or waiting for the lab's facts. */
export type Loaded =
  | { readonly kind: 'ready'; readonly inventory: Inventory }
  | { readonly kind: 'embedded-lab'; readonly build: (facts: LabFacts) => Inventory }

/** Editors keep locks and copies beside a file: `.#lab.ts`. */
const isSource = (file: string) => file.endsWith('.ts') && !file.startsWith('.')

/** The names of the inventories in `dir`, sorted: files with a default export, so no schema beside them. */
export async function available(dir: string): Promise<string[]> {
  const files = (await readdir(dir).catch(() => [])).filter(isSource)
  const texts = await Promise.all(
    files.map((file) => readFile(join(dir, file), 'utf8').catch(() => '')),
  )
  return files
    .filter((_, index) => /^export default\b|\bas default\b/m.test(texts[index] ?? ''))
    .map((file) => file.slice(0, -'.ts'.length))
    .sort()
}

/** Loads `dir/NAME.ts`; throws UsageError with the names that exist or with what is wrong, and where. */
export async function load(name: string, dir: string): Promise<Loaded> {
  const names = await available(dir)
  // A file that was meant to be one, but exports nothing, is told below.
  const there =
    names.includes(name) || (await readdir(dir).catch((): string[] => [])).includes(`${name}.ts`)
  if (!there) throw new UsageError(unknownName('inventory', name, names))
  const file = `inventory/${name}.ts`
  const located = <T>(action: () => T): T => {
    try {
      return action()
    } catch (error) {
      throw inFile(file, error)
    }
  }
  const { default: value } = await importFile(join(dir, `${name}.ts`)).catch((error: unknown) => {
    throw inFile(file, error)
  })
  if (isEmbedded(value)) {
    return {
      kind: 'embedded-lab',
      build: (facts) => located(() => checked(value.embeddedLab(facts), name)),
    }
  }
  if (typeof value !== 'object' || value === null) {
    throw new UsageError(
      `${file}: expected an inventory as its default export, got ${shown(value)}`,
    )
  }
  return { kind: 'ready', inventory: located(() => checked(value, name)) }
}

function isEmbedded(value: unknown): value is EmbeddedLab {
  return typeof (value as Partial<EmbeddedLab> | null)?.embeddedLab === 'function'
}

function checked(value: unknown, file: string): Inventory {
  const wrong = skeletonProblems(value)
  if (wrong.length > 0) throw new UsageError(wrong.join('\n'))
  const { name } = value as Inventory
  // Keys, confirmations and proposed commands go by the name: it must be what one types.
  if (name !== file)
    throw new UsageError(`name: expected \`${file}\`, the file's name, got \`${name}\``)
  return value as Inventory
}

function inFile(file: string, error: unknown): UsageError {
  const lines = error instanceof UsageError ? sentence(error).split('\n') : [loadProblem(error)]
  return new UsageError(lines.map((line) => `${file}: ${line}`).join('\n'), { cause: error })
}
