import { createInterface } from 'node:readline/promises'
import type { Drill } from '../drill/drill.ts'
import { Interrupted } from '../errors.ts'
import type { Context } from './context.ts'
import type { Consent } from './drill-args.ts'

/** The drills with what each does, a line each. */
export function drillLines(drills: readonly Drill[]): string[] {
  const width = Math.max(0, ...drills.map(({ name }) => name.length))
  return drills.map(({ name, about }) => `  ${name.padEnd(width)}  ${about}`)
}

/** Says what is going to happen and waits for the word; resolves to whether it was given. */
export async function ask(
  context: Context,
  wanted: Exclude<Consent, 'given'>,
  { inventory, text }: { readonly inventory: string; readonly text: string },
): Promise<boolean> {
  const word = wanted === 'ask for yes' ? 'yes' : inventory
  const lines = createInterface({ input: process.stdin, output: context.stdout })
  try {
    const stop = new AbortController()
    lines.once('SIGINT', () => stop.abort())
    lines.once('close', () => stop.abort())
    const answer = await lines.question(`${text}Type ${word} to begin: `, { signal: stop.signal })
    return answer.trim() === word
  } catch (error) {
    throw new Interrupted('Nothing was drilled', { cause: error })
  } finally {
    lines.close()
  }
}
