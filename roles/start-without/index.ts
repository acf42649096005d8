import { type Node, type NodeContext, peerOf, type Site } from '../../inventory/schema.ts'
import {
  change,
  Refusal,
  type RoleContext,
  requirement,
  role,
  task,
  waitUntil,
} from '../../lib/index.ts'
import { holding, isActive, manager } from '../cluster/index.ts'
import { doesNotAnswer } from '../confirm-off/index.ts'
import { describe, drbdStatus } from '../drbd/status.ts'
import { fence } from '../fencing/configure.ts'
import { known, knownText } from './known.ts'

/** The site's variables, the node that is missing, and whether its name was typed for this. */
type Chosen = Site & { readonly absent: string; readonly confirmed: boolean }

/** The peer is gone, and a human has typed its name: seconds since boot until which that holds. */
const alonePath = '/run/tandem/alone'

/**
 * After both nodes lost their power and one does not come back: tells what the other knows of both, and, once
 * the missing node's name was typed, lets it serve the data that it has.
 */
export default role('start-without', (context: RoleContext<Chosen, Node>) => {
  const { host: self, vars } = context
  const { drbd } = vars
  const missing = peerOf(context as NodeContext)
  const waitMs = manager.settlesMs(vars)
  const serves = async (host: Parameters<typeof holding>[0]) =>
    isActive(await holding(host), self.name, vars.preferred)
  return [
    doesNotAnswer(context as NodeContext, missing),
    requirement(`what ${self.name} knows`, async (host) => {
      if (await serves(host)) return
      const found = await known(host, drbd)
      const text = knownText(self.name, missing.name, found).join('. ')
      if (found.status.connection === 'Unconfigured') {
        throw new Refusal(`${self.name}: DRBD does not run: systemctl start tandem-drbd`)
      }
      if (!['UpToDate', 'Consistent', 'Outdated'].includes(found.status.disk)) {
        throw new Refusal(`${text}. ${self.name} cannot serve without ${missing.name}`)
      }
      if (vars.confirmed) return
      throw new Refusal(
        `${text}. To let clients work on with what ${self.name} has: npm run play start-without ${missing.name} -- --confirm ${missing.name}. From then on do not let ${missing.name} start alone: it cannot know what ${self.name} wrote, and may serve its own, older data`,
      )
    }),
    task(`${self.name} has the data that counts`, {
      check: async (host) => {
        const status = await drbdStatus(host, drbd)
        return status.role === 'Primary'
          ? undefined
          : change(`becomes Primary without ${missing.name} (${describe(status)})`)
      },
      apply: async ({ sh }) => {
        // Whoever typed its name says that it is off: nothing waits for it, and it cannot serve meanwhile.
        if (vars.fencing !== 'none') await sh`${fence} confirm`
        // By force DRBD forgets the generation that both had, and calls a peer that has nothing newer a split
        // brain when it returns. Where this disk is whole it is enough that the peer is known to be gone.
        await sh`read -r up _ </proc/uptime; echo $((\${up%.*} + 60)) >${alonePath}
          trap ${`rm -f ${alonePath}`} EXIT
          drbdsetup primary ${drbd.minor} 2>/dev/null || drbdsetup primary ${drbd.minor} --force`
      },
    }),
    task(`heartbeat runs on ${self.name}`, {
      // Right after its start it does not answer yet, so systemd is asked.
      check: async ({ $ }) => {
        const { exitCode } = await $`systemctl is-active --quiet ${manager.unit}`.nothrow()
        return exitCode === 0 ? undefined : change('starts')
      },
      apply: async ({ sh }) => {
        await sh`: >/run/tandem/refused; systemctl start ${manager.unit}`
      },
    }),
    waitUntil(`${self.name} serves`, {
      timeoutMs: waitMs,
      everyMs: 2_000,
      probe: async (host) => (await serves(host)) || `heartbeat says ${await holding(host)}`,
    }),
  ]
})
