import type { ClientContext } from '../../inventory/schema.ts'
import { mount, packages, role } from '../../lib/index.ts'

/** S12: a client mounts the floating address, never a node's own. */
export default role('nfs/client', ({ vars: { client, nfs, recipe, vip } }: ClientContext) => [
  packages(['nfs-common']),
  mount(`${vip.address}:${nfs.path}`, client.mountPoint, {
    fstype: client.version === '3' ? 'nfs' : 'nfs4',
    options: [
      // The article leaves the version to the kernel, which takes the newest.
      ...(recipe === 'article' ? [] : [`vers=${client.version}`]),
      // `soft` would turn a take-over into I/O errors.
      ...['proto=tcp', 'hard'],
      ...client.options,
    ],
    persist: true,
  }),
])
