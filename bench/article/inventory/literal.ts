import lab from '../../../inventory/lab.ts'
import { schema } from '../../../inventory/schema.ts'
import { defineInventory, embeddedLab } from '../../../lib/index.ts'

/**
 * For comparison only, in the lab: the article's recipe as literally as Debian 12 runs it. Times of
 * heartbeat are the lab's own, so that both recipes notice a dead node equally fast.
 */
export default embeddedLab((facts) => {
  const { vars, ...rest } = lab.embeddedLab(facts)
  return defineInventory(schema, {
    ...rest,
    name: 'literal',
    vars: {
      ...vars,
      fencing: 'none',
      drbd: { ...vars.drbd, alExtents: 517, flushes: false },
      heartbeat: { ...vars.heartbeat, lines: ['em2'], autoFailback: true, watchdog: 'none' },
      nfs: {
        ...vars.nfs,
        options: ['rw', 'sync', 'no_root_squash', 'anonuid=0', 'anongid=0'],
        // What nobody chose: Debian's, and the article's, default. It is not written anywhere.
        grace: 90,
        lease: 90,
      },
    },
  })
})
