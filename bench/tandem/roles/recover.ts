import { role, task } from '../../../lib/index.ts'
import { listSurvivor, type Sides, saveFiles } from '../../../roles/recover/save.ts'
import type { Context } from '../inventory/schema.ts'

const limitMs = 24 * 3_600_000

/** What recover-split-brain does between the two disks, on hosts that have no DRBD: M1 survives, M2 is the victim. */
export default role('recover', ({ host, vars: { drbd, mountPoint } }: Context) => {
  const sides: Sides = {
    nfs: { path: mountPoint },
    drbd: { disk: drbd.disk, filesystem: 'ext4' },
  }
  const done = { is: false }
  const check = async () => (done.is ? undefined : { summary: 'is to be done' })
  return host.vars.node === 1
    ? [
        task('the survivor lists its files', {
          barrier: true,
          timeoutMs: limitMs,
          check,
          apply: async (target) => {
            await listSurvivor(target, sides)
            done.is = true
          },
        }),
        // Both have a task here: the other one waits for the list.
        task('waits', { barrier: true, check: async () => undefined, apply: async () => {} }),
      ]
    : [
        task('waits', { barrier: true, check: async () => undefined, apply: async () => {} }),
        task('what the victim alone has is saved', {
          barrier: true,
          timeoutMs: limitMs,
          check,
          apply: async (target) => {
            const saved = await saveFiles(target, 'h1', sides)
            target.progress(`saved ${saved.saved} of ${saved.differing} in ${saved.folder}`)
            done.is = true
          },
        }),
      ]
})
