import {
  directory,
  file,
  line,
  link,
  packages,
  requirement,
  role,
  templates,
} from '../../../lib/index.ts'
import { type Context, whoIs } from '../inventory/schema.ts'

const template = templates(import.meta.dirname)

/** Tasks 21 to 30. */
export default role('drbd', (context: Context) => {
  const { drbd, nodes, mountPoint } = context.vars
  const { me } = whoIs(context)
  return [
    packages(['drbd-utils']),
    directory('/etc/drbd.d'),
    template('global_common.conf', '/etc/drbd.d/global_common.conf', drbd),
    template('drbd.res', `/etc/drbd.d/${drbd.resource}.res`, { ...drbd, nodes }, { mode: 0o640 }),
    line('/etc/modules', { line: 'drbd' }),
    link(
      '/etc/systemd/system/multi-user.target.wants/drbd.service',
      '/lib/systemd/system/drbd.service',
    ),
    directory(mountPoint),
    line('/etc/fstab', {
      line: `${drbd.device} ${mountPoint} ext4 noauto,noatime 0 0`,
      match: new RegExp(`^${drbd.device}\\s`),
    }),
    ...(context.host.vars.node === 1
      ? [file('/var/lib/ha-nfs/initial-primary', `${drbd.resource}\n`)]
      : []),
    requirement('configuration names this node', async (host) => {
      await host.$`grep -c ${`on ${me.name} {`} ${`/etc/drbd.d/${drbd.resource}.res`}`
    }),
  ]
})
