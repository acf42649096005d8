import { brief, commandLine } from '../core/quote.ts'
import type { Ask, Output, Question } from '../core/task.ts'
import type { AskOptions, Session } from './session-types.ts'

/** A command on a host whose exit code says that it failed. */
export class CommandFailed extends Error {
  override readonly name = 'CommandFailed'
  readonly command: string
  readonly output: Output

  constructor(message: string, command: string, output: Output) {
    super(message)
    this.command = command
    this.output = output
  }
}

/** The template tag of a session. A question starts once the statement it stands in has run. */
export function askOf(session: Pick<Session, 'ask'>): Ask {
  const ask: Ask = (pieces, ...values) => {
    // The stack of a failure is the role's line, not the place where the answer came in.
    const called: { stack?: string } = {}
    Error.captureStackTrace(called, ask)
    const options: { -readonly [K in keyof AskOptions]: AskOptions[K] } = {}
    let nothrow = false
    let started = false
    const before = (modifier: string) => {
      if (started) throw new Error(`${modifier} must follow the question at once`)
    }
    const run = async (): Promise<Output> => {
      // Questions of one tick share a round trip, and modifiers are called within that tick.
      await Promise.resolve()
      started = true
      const script = commandLine(pieces, values)
      const output = await session.ask(script, options)
      const failed = output.exitCode !== 0 && !nothrow
      if (failed || isMissing(output)) throw failure(script, output, called.stack)
      return output
    }
    const question: Question = Object.assign(run(), {
      nothrow: () => {
        before('nothrow()')
        nothrow = true
        return question
      },
      within: (ms: number) => {
        before('within()')
        options.timeoutMs = ms
        return question
      },
      input: (text: string) => {
        before('input()')
        options.stdin = text
        return question
      },
    })
    return question
  }
  return ask
}

/** 126 and 127 say that there is no such command, which answers no question. */
function isMissing(output: Output): boolean {
  return output.exitCode === 126 || output.exitCode === 127
}

function failure(script: string, output: Output, stack: string | undefined): CommandFailed {
  const code = output.exitCode === null ? 'ended by a signal' : `exit code ${output.exitCode}`
  const meaning = isMissing(output) ? ' (no such command)' : ''
  const stderr = output.stderr.trim().split('\n').slice(0, 5).join('\n')
  const message = `${brief(script)}: ${code}${meaning}${stderr ? `: ${stderr}` : ''}`
  const error = new CommandFailed(message, script, output)
  const frames = stack?.slice(stack.indexOf('\n    at '))
  if (frames) error.stack = `${error.name}: ${message}${frames}`
  return error
}
