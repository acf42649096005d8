import type { NodeContext, Site } from '../../inventory/schema.ts'
import { packages, role, service, type Task, templates } from '../../lib/index.ts'
import { pipefs, ports } from './ports.ts'

const template = templates(import.meta.dirname)

/** Units that would run the server outside heartbeat, on the standby too. */
export const distributionUnits = ['nfs-server.service', 'nfs-mountd.service', 'nfsdcld.service']

/** S12: what is exported and how; who runs it is heartbeat's to say, so the package's units are masked. */
export default role('nfs/exports', ({ vars: { nfs, recipe } }: NodeContext) =>
  recipe === 'article' ? article(nfs) : tandem(nfs),
)

const tandem = (nfs: Site['nfs']): Task[] => [
  // Masked first: the package starts its units as it is installed.
  ...distributionUnits.map((unit) => service(unit, { masked: true })),
  packages(['nfs-kernel-server', ...(nfs.legacyClients ? ['rpcbind'] : [])]),
  ...(nfs.legacyClients ? [service('rpcbind.service', { state: 'running', enabled: true })] : []),
  template('exports', '/etc/exports', {
    path: nfs.path,
    clients: nfs.clients,
    // One fsid on both nodes keeps file handles valid over a move; `mountpoint` never exports the
    // empty directory below an unmounted filesystem.
    options: [...nfs.options, 'fsid=1', 'mountpoint'].join(','),
  }),
  template('nfs.conf', '/etc/nfs.conf.d/tandem.conf', { ...nfs, ports, pipefs }),
]

/** The article's own: the distribution's server with the distribution's settings, started by hand. */
const article = (nfs: Site['nfs']): Task[] => [
  packages(['nfs-kernel-server', 'rpcbind'], { noStart: ['nfs-server.service'] }),
  service('nfs-server.service', { enabled: false }),
  // CentOS 6 had no such daemon: without it the grace period is waited for in full, as it was there.
  service('nfsdcld.service', { masked: true }),
  template('exports', '/etc/exports', {
    path: nfs.path,
    clients: nfs.clients,
    options: nfs.options.join(','),
  }),
]
