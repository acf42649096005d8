import { absent, block, line, packages, requirement, role, templates } from '../../../lib/index.ts'
import type { Context } from '../inventory/schema.ts'

const template = templates(import.meta.dirname)
const bootLinks = [
  'multi-user.target.wants/rpcbind.service',
  'sockets.target.wants/rpcbind.socket',
  'multi-user.target.wants/nfs-server.service',
]

/** Tasks 31 to 37. */
export default role(
  'nfs',
  ({ vars: { mountPoint, clients, nfsThreads, vip, domain } }: Context) => [
    packages(['nfs-kernel-server', 'rpcbind']),
    template('exports', '/etc/exports', { mountPoint, clients }),
    template('nfs.conf', '/etc/nfs.conf.d/ha.conf', { threads: nfsThreads, vip }),
    line('/etc/idmapd.conf', { line: `Domain = ${domain}`, match: /^#?\s*Domain\s*=/ }),
    block('/etc/hosts.allow', {
      name: 'ha-nfs',
      lines: [`rpcbind: ${clients}`, `mountd: ${clients}`],
      create: { mode: 0o644 },
    }),
    ...bootLinks.map((path) => absent(`/etc/systemd/system/${path}`)),
    requirement('export is listed', async (host) => {
      await host.$`grep -c ${`^${mountPoint} `} /etc/exports`
    }),
  ],
)
