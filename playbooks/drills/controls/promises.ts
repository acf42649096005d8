import { must } from '../../../lib/drill/index.ts'
import type { Drill } from '../pair/words.ts'
import { powerOff } from '../planned.ts'
import { bootOf } from '../returns.ts'

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
  about:
    'power-off with `async` and protocol A, which acknowledge writes too early: writes are lost',
  isControl: true,
  run: async (context) => {
    const { active, standby, environment } = context
    const { resource } = environment.plan.drbd
    // DRBD takes no protocol that promises too much where it has to hold writes for fencing.
    const loose = `drbdadm disk-options --fencing=resource-only ${resource}`
    const tight = `drbdadm net-options --protocol=C ${resource} && drbdadm adjust ${resource}`
    const of = (name: string, script: string) => must(context.machine(name), script)
    const boot = await bootOf(context, active)
    context.undo(`${active} promises no more than it can keep`, () =>
      // Not where it was started since: then it has its own configuration again.
      of(
        active,
        `read -r boot </proc/sys/kernel/random/boot_id; [ "$boot" = '${boot}' ] || exit 0; exportfs -r && ${tight}`,
      ),
    )
    // The peer comes back with its own configuration, which must meet the same here.
    context.undo(`${standby} replicates with protocol C again`, () => of(standby, tight))
    await of(active, asyncExport)
    await of(standby, loose)
    await of(active, `${loose} && drbdadm net-options --protocol=A ${resource}`)
    context.say('the export is async and DRBD has protocol A')
    await context.pause(15_000)
    await powerOff.run(context)
    await of(standby, tight)
  },
  proof: async () => [],
}
