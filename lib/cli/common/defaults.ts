import { UsageError } from '../../core/errors.ts'
import { hide } from '../../core/secret.ts'
import type { LoginDefaults } from '../../engine/pool.ts'
import type { Inventory } from '../../inventory/index.ts'
import type { PlayArgs } from './args.ts'
import { askValue } from './ask-value.ts'
import type { Context } from './context.ts'

/** The inventory that was named: by an option, else the environment, else npm's setting. */
export function inventoryName(option: string | undefined, env: NodeJS.ProcessEnv): string {
  return option || env.TANDEM_INVENTORY || env.npm_package_config_inventory || 'lab'
}

/** The user's agent; an empty name of one is none. */
export function loginDefaults(env: NodeJS.ProcessEnv): LoginDefaults {
  return { agent: env.SSH_AUTH_SOCK || undefined }
}

/** What a run needs to log in to the inventory's hosts; a password is asked for at once, before anything is changed. */
export async function loginFor(
  { hosts, name }: Inventory,
  args: PlayArgs,
  context: Context,
): Promise<LoginDefaults> {
  const login = { ...loginDefaults(context.env), user: args.user }
  if (!args.askBecomePass) return login
  if (!Object.values(hosts).some(({ connection }) => connection.become)) {
    throw new UsageError(`Expected \`become\` at a host of ${name} with -K, got none`)
  }
  const password = await askValue(context, 'the password of sudo or su')
  hide(password)
  return { ...login, becomePassword: { reveal: () => password } }
}
