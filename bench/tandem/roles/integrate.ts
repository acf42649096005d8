import { file, link, requirement, role, templates } from '../../../lib/index.ts'
import { type Context, whoIs } from '../inventory/schema.ts'

const template = templates(import.meta.dirname)

/** Tasks 38 to 46. */
export default role('integrate', (context: Context) => {
  const { vip, vipPrefix, vipDevice, drbd, mountPoint, nodes } = context.vars
  const { me, peer } = whoIs(context)
  return [
    ...['IPaddr', 'drbddisk', 'Filesystem'].map((script) =>
      requirement(`resource script ${script}`, async (host) => {
        await host.$`test -x ${`/etc/ha.d/resource.d/${script}`}`
      }),
    ),
    template('nfsd', '/etc/ha.d/resource.d/nfsd', { me }, { mode: 0o755 }),
    link('/etc/init.d/nfs', 'nfs-kernel-server'),
    template('haresources', '/etc/ha.d/haresources', {
      ...{ primary: nodes[0], vip, vipPrefix, vipDevice, drbd, mountPoint },
    }),
    template(
      'ha-nfs-check',
      '/usr/local/sbin/ha-nfs-check',
      { me, vip, resource: drbd.resource },
      { mode: 0o755 },
    ),
    file(
      '/etc/cron.d/ha-nfs-check',
      '* * * * * root /usr/local/sbin/ha-nfs-check >>/var/log/ha-nfs-check 2>&1\n',
    ),
    file('/etc/ha-nfs.release', `node=${me.name}\npeer=${peer.name}\nvip=${vip}\n`),
    requirement('nfsd script parses', async (host) => {
      await host.$`sh -n /etc/ha.d/resource.d/nfsd`
    }),
    requirement('configuration is complete', async (host) => {
      await host.$`/usr/local/sbin/ha-nfs-check --config`
    }),
  ]
})
