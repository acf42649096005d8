import type { NodeContext } from '../../inventory/schema.ts'
import { change, packages, role, task } from '../../lib/index.ts'

/** S7: DRBD 8.4 on the node; on Debian 12 the kernel carries the module and a package the tools. */
export default role('drbd/build', (_: NodeContext) => [
  packages(['drbd-utils']),
  // Before any drbdadm: without the module the tools take it for DRBD 9 and reject 8.4's options.
  task('kernel module drbd is loaded', {
    check: async ({ $ }) => {
      const { stdout } = await $`if [ -e /proc/drbd ]; then cat /proc/drbd; fi`
      if (stdout === '') return change('is not loaded')
      const version = stdout.match(/^version: (\S+)/)?.[1]
      if (!version?.startsWith('8.4.')) {
        throw new Error(`expected DRBD 8.4 in the kernel, got ${version ?? 'no version'}`)
      }
      return
    },
    apply: async ({ sh }) => {
      await sh`modprobe drbd`
    },
  }),
])
