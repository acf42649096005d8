import type { ClientContext } from '../../inventory/schema.ts'
import { mount, packages, role } from '../../lib/index.ts'

/** S12: a client mounts the floating address, never a node's own. */
export default role('nfs/client', ({ vars: { client, nfs, vip } }: ClientContext) => [
  packages(['nfs-common']),
  mount(`${vip.address}:${nfs.path}`, client.mountPoint, {
    fstype: client.version === '3' ? 'nfs' : 'nfs4',
    options: [
      // `soft` would turn a take-over into I/O errors.
      ...[`vers=${client.version}`, 'proto=tcp', 'hard'],
      ...client.options,
    ],
    persist: true,
  }),
])
