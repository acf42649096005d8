import { type NodeContext, peerOf } from '../../inventory/schema.ts'
import { platformIs, Refusal, requirement, role, type Task } from '../../lib/index.ts'
import { blankDisk, isConfirmed } from '../drbd/blank.ts'
import { volumesOf } from '../drbd/volumes.ts'
import { switchAnswers } from '../fencing/answers.ts'
import { isFenced } from '../fencing/switch.ts'
import { missingAddresses, parseAddresses } from './addresses.ts'

/** Looks at every node before anything is changed on any of them. */
export default role('preflight', (context: NodeContext) =>
  // Whatever part of a playbook is asked for, the guards come with it.
  looks(context).map((task) => ({ ...task, tags: ['always'] })),
)

const looks = (context: NodeContext): Task[] => {
  const {
    host: { vars: node },
    vars,
  } = context
  return [
    platformIs('debian12'),
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
