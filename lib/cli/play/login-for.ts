import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { hide } from '../../core/secret.ts'
import type { LoginDefaults } from '../../engine/login.ts'
import type { PlayArgs } from '../common/args.ts'
import { askValue } from '../common/ask-value.ts'
import type { Context } from '../common/context.ts'
import { loginDefaults } from '../common/defaults.ts'

/** What a run needs to log in; whatever must be asked is asked now, before anything changes. */
export async function loginFor(args: PlayArgs, context: Context): Promise<LoginDefaults> {
  const login = { ...loginDefaults(context.env), user: args.user }
  if (!args.askBecomePass) return login
  const what = 'the password of sudo or su'
  const { SSH_ASKPASS: program, SSH_ASKPASS_REQUIRE: how } = context.env
  const byProgram = program && (how === 'force' || how === 'prefer')
  const password = byProgram
    ? (await promisify(execFile)(program, [`${what}: `])).stdout.replace(/\r?\n.*$/s, '')
    : await askValue(context, what)
  hide(password)
  return { ...login, becomePassword: { reveal: () => password } }
}
