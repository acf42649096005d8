import type { Drill } from './drill.ts'
import { powerOff } from './drills/planned.ts'
import { must } from './ground.ts'
import type { Round } from './types.ts'

/** Lets the server acknowledge what it has in memory alone; nothing on disk is changed. */
const asyncExport = `set -- $(grep -v '^#' /etc/exports | head -n 1)
client=\${2%%(*} options=\${2#*(}; options=\${options%)}
exportfs -i -o "$(echo ",$options," | sed 's/,sync,/,async,/; s/^,//; s/,$//')" "$client:$1"
exportfs -f; exportfs -v | grep -q async`

/**
 * The pair broken on purpose: it acknowledges what is on no disk. A checker that finds nothing lost
 * after this would find nothing ever.
 */
export const control: Drill = {
  ...powerOff,
  name: 'control',
  about: 'power-off with an export and a protocol that promise too much; the checker must notice',
  isControl: true,
  run: async (stage) => {
    const { active, standby, ground } = stage
    const { resource } = ground.plan.drbd
    const protocol = (name: string, letter: string) =>
      must(stage.machine(name), `drbdadm net-options --protocol=${letter} ${resource}`)
    // The peer comes back with its own configuration, which must meet the same here.
    stage.undo(`${standby} replicates with protocol C again`, () => protocol(standby, 'C'))
    await must(stage.machine(active), asyncExport)
    await protocol(active, 'A')
    stage.say('the export is async and DRBD has protocol A')
    await stage.pause(15_000)
    await powerOff.run(stage)
    await protocol(standby, 'C')
  },
  proof: async () => [],
}

/** Whether the checker saw that acknowledged writes were lost: what the control is for. */
export function caught({ verdict }: Round): boolean {
  return verdict.lost.length > 0
}
