import { createInterface } from 'node:readline/promises'
import { Interrupted } from '../../core/errors.ts'
import type { Context } from './context.ts'

/** What is typed in answer to a question, without blanks around it; Ctrl-C and the end of input throw Interrupted. */
export async function typedWord(
  { stdout }: Context,
  question: string,
  interrupted: string,
): Promise<string> {
  const lines = createInterface({ input: process.stdin, output: stdout })
  try {
    const stop = new AbortController()
    lines.once('SIGINT', () => stop.abort())
    lines.once('close', () => stop.abort())
    return (await lines.question(question, { signal: stop.signal })).trim()
  } catch (error) {
    throw new Interrupted(interrupted, { cause: error })
  } finally {
    lines.close()
  }
}
