import {
  absent,
  directory,
  file,
  packages,
  requirement,
  role,
  templates,
} from '../../../lib/index.ts'
import type { Context } from '../inventory/schema.ts'

const template = templates(import.meta.dirname)

/** Tasks 14 to 20. */
export default role('heartbeat', ({ vars: { heartbeat, nodes, gateway } }: Context) => [
  packages(['heartbeat']),
  directory('/etc/ha.d'),
  template('ha.cf', '/etc/ha.d/ha.cf', { ...heartbeat, nodes, gateway }),
  template('authkeys', '/etc/ha.d/authkeys', heartbeat, { mode: 0o600, secret: true }),
  file(
    '/etc/logrotate.d/heartbeat',
    '/var/log/ha-log /var/log/ha-debug {\n    weekly\n    rotate 8\n    missingok\n    compress\n}\n',
  ),
  absent('/etc/systemd/system/multi-user.target.wants/heartbeat.service'),
  requirement('cluster user exists', async (host) => {
    await host.$`getent passwd hacluster`
  }),
])
