import type { NodeContext } from '../../inventory/schema.ts'
import { directory, kernelModule, packages, requirement, role, templates } from '../../lib/index.ts'
import { drbdProgram, libFolder } from '../shared/paths.ts'

const template = templates(import.meta.dirname)

/** S7: DRBD 8.4 on the node; on Debian 12 the kernel carries the module and a package the tools. */
export default role(
  'drbd/build',
  (_: NodeContext) => [
    packages(['drbd-utils']),
    directory(libFolder, { mode: 0o755 }),
    template('drbd', drbdProgram, {}, { mode: 0o755 }),
    // Before any drbdadm: without the module the tools take it for DRBD 9 and reject 8.4's options.
    kernelModule('drbd'),
    requirement('the kernel has DRBD 8.4', async ({ $, name }) => {
      const { stdout } = await $`cat /proc/drbd`
      const version = stdout.match(/^version: (\S+)/)?.[1]
      if (version?.startsWith('8.4.')) return
      throw new Error(`${name}: expected DRBD 8.4 in the kernel, got ${version ?? 'no version'}`)
    }),
  ],
  // They call the program.
  { broughtBy: ['drbd', 'fencing', 'integrate'] },
)
