import { homedir } from 'node:os'
import { join } from 'node:path'
import type { LoginDefaults } from '../../engine/login.ts'

/** The inventory that was named: by an option, else the environment, else npm's setting. */
export function inventoryName(option: string | undefined, env: NodeJS.ProcessEnv): string {
  return option || env.TANDEM_INVENTORY || env.npm_package_config_inventory || 'lab'
}

/** The user's agent, keys and known hosts, as `ssh` itself would take them. */
export function loginDefaults(env: NodeJS.ProcessEnv): LoginDefaults {
  const folder = join(homedir(), '.ssh')
  const agent = env.SSH_AUTH_SOCK
  return {
    ...(agent && { agent }),
    identityFiles: ['id_ed25519', 'id_rsa', 'id_ecdsa'].map((file) => join(folder, file)),
    knownHosts: [join(folder, 'known_hosts'), '/etc/ssh/ssh_known_hosts'],
  }
}
