import { UsageError } from '../../core/errors.ts'
import { hide } from '../../core/secret.ts'
import type { LoginDefaults } from '../../engine/login.ts'
import type { Inventory } from '../../inventory/index.ts'
import type { PlayArgs } from '../common/args.ts'
import { askValue } from '../common/ask-value.ts'
import type { Context } from '../common/context.ts'
import { loginDefaults } from '../common/defaults.ts'

/** What a run needs to log in to the inventory's hosts; a password is asked for at once, before anything is changed. */
export async function loginFor(
  { hosts, name }: Inventory,
  args: PlayArgs,
  context: Context,
): Promise<LoginDefaults> {
  const login = { ...loginDefaults(context.env), user: args.user }
  if (!args.askBecomePass) return login
  if (!Object.values(hosts).some(({ connection }) => connection.become)) {
    throw new UsageError(
      `Expected \`become\` at a host of ${name} with --ask-become-pass, got none`,
    )
  }
  const password = await askValue(context, 'the password of sudo or su')
  hide(password)
  return { ...login, becomePassword: { reveal: () => password } }
}
