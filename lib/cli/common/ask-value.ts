import { text } from 'node:stream/consumers'
import { Interrupted, Unreachable, UsageError } from '../../core/errors.ts'
import type { Context } from './context.ts'

/** Reads one value, such as `the value of db`, that nobody else may see: from a terminal without echo, else from standard input. */
export async function askValue(context: Context, what: string): Promise<string> {
  const input = context.stdin ?? process.stdin
  const got = input.isTTY
    ? await typed(input, context.stderr, `${what.replace(/^t/, 'T')} (it is not shown): `)
    : (await text(input)).replace(/\r?\n$/, '')
  if (got === '') throw new UsageError(`Expected ${what}, got nothing`)
  // One line of characters that can be seen; the value itself is never quoted.
  if (/\p{Cc}/u.test(got))
    throw new UsageError(`Expected ${what} to be one line without control characters`)
  return got
}

/** The bytes that a terminal sends for keys, in raw mode. */
const keys = { interrupt: '\x03', end: '\x04', enter: /[\r\n]/, rubOut: /[\b\x7f]/, clear: '\x15' }

/** One line from a terminal in raw mode, which echoes nothing. */
export async function typed(
  input: NodeJS.ReadStream,
  output: NodeJS.WriteStream,
  prompt: string,
  gone?: AbortSignal,
): Promise<string> {
  output.write(prompt)
  input.setRawMode(true)
  input.setEncoding('utf8').resume()
  try {
    return await new Promise((resolve, reject) => {
      let line: string[] = []
      const hear = (piece: string) => {
        for (const key of piece) {
          if (key === keys.interrupt) return reject(new Interrupted('Nothing was done'))
          if (keys.enter.test(key) || key === keys.end) return resolve(line.join(''))
          if (keys.rubOut.test(key)) line.pop()
          else if (key === keys.clear) line = []
          else line.push(key)
        }
      }
      input.on('data', hear)
      // A terminal that is gone answers nothing more, now or later.
      const end = () => reject(new Interrupted('The terminal is gone'))
      const late = () => reject(new Unreachable('nobody waits for the answer any more'))
      input.once('end', end)
      gone?.addEventListener('abort', late, { once: true })
      if (gone?.aborted) late()
      if (input.readableEnded || input.destroyed) end()
    })
  } finally {
    input.setRawMode(false)
    input.removeAllListeners('data').removeAllListeners('end').pause()
    output.write('\n')
  }
}
