import type { NodeContext } from '../../inventory/schema.ts'
import { group, packages, role, user } from '../../lib/index.ts'
import { heartbeatGroup, heartbeatUser } from '../shared/processes.ts'

/** S4: heartbeat, which the package would start at once, before there is anything to agree on. */
export default role(
  'heartbeat/install',
  (_: NodeContext) => [
    packages(['heartbeat'], { noStart: ['heartbeat.service'] }),
    // The package makes them once; without them heartbeat does not start, and its files cannot be given to the group.
    group(heartbeatGroup, { system: true }),
    user(heartbeatUser, { group: heartbeatGroup, system: true }),
  ],
  // DRBD's fencing asks the peer through heartbeat, and its files belong to heartbeat's group.
  { broughtBy: ['drbd/fencing'] },
)
