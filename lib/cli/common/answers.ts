import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { hide } from '../../core/secret.ts'
import type { LoginDefaults } from '../../engine/pool.ts'
import { typed } from './ask-value.ts'
import type { Context } from './context.ts'

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
    ask = async ({ text }) => (await promisify(execFile)(program, [text])).stdout.replace(/\n$/, '')
  } else if (input.isTTY && stderr.isTTY) {
    ask = ({ text, tells }) =>
      aside(async () => {
        if (!tells) return typed(input, stderr, text)
        stderr.write(`${text}\n`)
        return ''
      })
  } else return undefined

  // Hosts are connected at once, and one key opens many of them.
  const known = new Map<string, string>()
  let turn: Promise<unknown> = Promise.resolve()
  return (question) => {
    const answer = turn.then(async () => {
      const { text, again, tells } = question
      const kept = again ? undefined : known.get(text)
      if (kept !== undefined) return kept
      const got = await ask(question)
      if (got !== '') hide(got)
      if (!tells && /^Enter passphrase for/.test(text)) known.set(text, got)
      return got
    })
    turn = answer.catch(() => {})
    return answer
  }
}
