import type { ClientContext } from '../../inventory/schema.ts'
import { mount, packages, role } from '../../lib/index.ts'

/** S12: a client mounts the floating address, never a node's own. */
export default role('nfs/client', ({ vars: { client, nfs, vip } }: ClientContext) => [
  packages(['nfs-common']),
  mount(`${vip.address}:${nfs.path}`, client.mountPoint, {
    fstype: 'nfs4',
    // `soft` would turn a take-over into I/O errors.
    options: ['vers=4.2', 'proto=tcp', 'hard', ...client.options],
    persist: true,
  }),
])
