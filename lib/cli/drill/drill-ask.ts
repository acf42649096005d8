import { UsageError } from '../../core/errors.ts'
import type { Drill } from '../../drill/drill.ts'
import type { Context } from '../common/context.ts'
import { typedWord } from '../common/typed-word.ts'
import type { Consent } from './drill-args.ts'

/** The drills with what each does, a line each. */
export function drillLines(drills: readonly Pick<Drill, 'name' | 'about'>[]): string[] {
  const width = Math.max(0, ...drills.map(({ name }) => name.length))
  return drills.map(({ name, about }) => `  ${name.padEnd(width)}  ${about}`)
}

/** Says what is going to happen and waits for the word; throws UsageError where another one is typed. */
export async function ask(
  context: Context,
  wanted: Exclude<Consent, 'given'>,
  { inventory, text }: { readonly inventory: string; readonly text: string },
): Promise<void> {
  const word = wanted === 'ask for yes' ? 'yes' : inventory
  const typed = await typedWord(context, `${text}Type ${word} to begin: `, 'Nothing was drilled')
  if (typed === word) return
  throw new UsageError(`Nothing was drilled: expected \`${word}\`, got \`${typed}\``)
}
