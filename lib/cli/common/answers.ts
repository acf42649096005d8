import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { Interrupted, Unreachable } from '../../core/errors.ts'
import { hide } from '../../core/secret.ts'
import type { LoginDefaults } from '../../engine/pool.ts'
import { harmless } from '../../report/colour.ts'
import { typed } from './ask-value.ts'
import type { Context } from './context.ts'

const run = promisify(execFile)

type Answer = NonNullable<LoginDefaults['ask']>
type Aside = (work: () => Promise<string>) => Promise<string>

/**
 * Answers what ssh asks while hosts are connected: at the terminal, which `aside` keeps free, else by
 * the user's own askpass program. Undefined where there is neither.
 */
export function answers(context: Context, aside: Aside): Answer | undefined {
  const { env, stderr } = context
  const input = context.stdin ?? process.stdin
  const { SSH_ASKPASS: program, SSH_ASKPASS_REQUIRE: required } = env
  const isForced = required === 'force' || required === 'prefer'
  const byProgram = program && required !== 'never' && (isForced || (!input.isTTY && env.DISPLAY))
  let ask: Answer
  if (byProgram) {
    ask = async ({ text, kind, tells, gone }) => {
      const more = kind === undefined ? {} : { SSH_ASKPASS_PROMPT: kind }
      const asked = run(program, [text], { env: { ...env, ...more }, signal: gone })
      // What only tells stays until ssh has what it waits for.
      if (tells) return asked.then(() => '').catch(() => '')
      return asked.then(
        // A dialogue of yes and no says it by its exit code.
        ({ stdout }) => (kind === 'confirm' ? 'yes' : stdout.replace(/\n$/, '')),
        () => {
          if (kind === 'confirm') return 'no'
          throw new Unreachable(`${program} gave no answer to: ${harmless(text).trim()}`)
        },
      )
    }
  } else if (input.isTTY && stderr.isTTY) {
    ask = ({ text, tells, gone }) =>
      aside(async () => {
        if (!tells) return typed(input, stderr, harmless(text), gone)
        stderr.write(`${harmless(text)}\n`)
        return ''
      })
  } else return undefined

  // Hosts are connected at once, and one key opens many of them.
  const known = new Map<string, string>()
  let turn: Promise<unknown> = Promise.resolve()
  let interrupted: Interrupted | undefined
  return (question) => {
    const { text, tells, last } = question
    const answer = turn.then(async () => {
      // Whoever pressed Ctrl-C once does not want to be asked by the next host.
      if (interrupted) throw interrupted
      if (question.gone.aborted) throw new Unreachable('nobody waits for the answer any more')
      const kept = known.get(text)
      if (kept !== undefined && kept !== last) return kept
      const got = await ask(question)
      hide(got)
      if (!tells && /^Enter passphrase for/.test(text)) known.set(text, got)
      return got
    })
    turn = answer.catch((error) => {
      if (!(error instanceof Interrupted) || interrupted) return
      interrupted = error
      // Raw mode has taken the key, which else had sent this itself: all that connects must hear it.
      process.kill(process.pid, 'SIGINT')
    })
    return answer
  }
}
