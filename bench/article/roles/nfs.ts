import type { ClientContext, NodeContext } from '../../../inventory/schema.ts'
import { mount, packages, role, service, templates } from '../../../lib/index.ts'

const template = templates(import.meta.dirname)

/** S12 as the article has it: the distribution's server with the distribution's settings, started by hand. */
export const exports = role('nfs/exports', ({ vars: { nfs } }: NodeContext) => [
  packages(['nfs-kernel-server', 'nfs-common', 'rpcbind'], { noStart: ['nfs-server.service'] }),
  service('nfs-server.service', { enabled: false }),
  // CentOS 6 had no such daemon: without it the grace period is waited for in full, as it was there.
  service('nfsdcld.service', { masked: true }),
  template('exports', '/etc/exports', {
    path: nfs.path,
    clients: nfs.clients,
    options: nfs.options.join(','),
  }),
])

/** The article leaves the version to the kernel, which takes the newest. */
export const client = role('nfs/client', ({ vars: { client, nfs, vip } }: ClientContext) => [
  packages(['nfs-common']),
  mount(`${vip.address}:${nfs.path}`, client.mountPoint, {
    fstype: 'nfs4',
    options: ['proto=tcp', 'hard', ...client.options],
    persist: true,
  }),
])
