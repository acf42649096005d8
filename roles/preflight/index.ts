import { type NodeContext, peerOf, type Site } from '../../inventory/schema.ts'
import { platformIs, Refusal, requirement, role, type Task } from '../../lib/index.ts'
import { blankDisk, isConfirmed } from '../drbd/blank.ts'
import { switchAnswers } from '../fencing/answers.ts'
import { isFenced } from '../fencing/switch.ts'
import { stateMarkerPath } from '../shared/marker.ts'
import { volumesOf } from '../shared/volumes.ts'
import { missingAddresses, parseAddresses } from './addresses.ts'

/** Looks at every node before anything is changed on any of them. */
export default role('preflight', (context: NodeContext) =>
  // Whatever part of a playbook is asked for, the guards come with it.
  looks(context).map((task) => ({ ...task, tags: ['always'] })),
)

/** What the service remembers of its clients has one place, and nothing else has its names. */
const stateStays = ({ drbd }: Site): Task =>
  requirement('the disk for the state of the service', async ({ $, name }) => {
    const [, state] = volumesOf(drbd)
    if (!state) {
      const { exitCode } = await $`test -e ${stateMarkerPath}`.nothrow()
      if (exitCode !== 0) return
      throw new Refusal(
        `${name}: this pair has a disk for the state of its service (${stateMarkerPath}): expected drbd.stateDisk in the inventory, got none. Without that disk clients lose their locks at the next move`,
      )
    }
    const { stdout } =
      await $`grep -lE ${`/dev/drbd${state.minor};|:${state.port};`} /etc/drbd.d/*.res 2>/dev/null; true`
    const others = stdout
      .split('\n')
      .filter((file) => file !== '' && file !== `/etc/drbd.d/${state.resource}.res`)
    if (others.length > 0) {
      throw new Refusal(
        `${name}: ${others.join(' and ')} uses ${state.device} or port ${state.port}, which the state of the service needs (drbd.minor + 1 and drbd.port + 1 of the inventory)`,
      )
    }
  })

const looks = (context: NodeContext): Task[] => {
  const {
    host: { platform, vars: node },
    vars,
  } = context
  return [
    platformIs(platform),
    requirement(`node name ${node.fqdn}`, async ({ $, name }) => {
      const { stdout } = await $`uname -n`
      if (stdout.trim() !== node.fqdn) {
        throw new Refusal(
          `${name}: expected the host to call itself ${node.fqdn} (uname -n), got ${stdout.trim()}: heartbeat and DRBD know the node by that name`,
        )
      }
    }),
    requirement('addresses as planned', async ({ $, name }) => {
      const { stdout } = await $`ip -o -4 addr show`
      const missing = missingAddresses([node.em1, node.em2, node.em3], parseAddresses(stdout))
      if (missing.length > 0) throw new Refusal(`${name}: ${missing.join('; ')}`)
    }),
    ...(isFenced(context) ? [switchAnswers(context)] : []),
    stateStays(vars),
    // Last, for it may read for hours.
    ...volumesOf(vars.drbd).map(({ disk, minor, marker }) =>
      blankDisk({
        disk,
        minor,
        marker,
        peer: peerOf(context).name,
        confirmed: isConfirmed(context, disk),
      }),
    ),
  ]
}
