import type { LoginDefaults } from '../../engine/login.ts'

/** The inventory that was named: by an option, else the environment, else npm's setting. */
export function inventoryName(option: string | undefined, env: NodeJS.ProcessEnv): string {
  return option || env.TANDEM_INVENTORY || env.npm_package_config_inventory || 'lab'
}

/** The user's agent; an empty name of one is none. */
export function loginDefaults(env: NodeJS.ProcessEnv): LoginDefaults {
  return { agent: env.SSH_AUTH_SOCK || undefined }
}
