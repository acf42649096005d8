import type { NodeContext } from '../../inventory/schema.ts'
import { packages, role } from '../../lib/index.ts'

/** S4: heartbeat, which the package would start at once, before there is anything to agree on. */
export default role(
  'heartbeat/install',
  (_: NodeContext) => [packages(['heartbeat'], { noStart: ['heartbeat.service'] })],
  // DRBD's fencing asks the peer through heartbeat, and its files belong to heartbeat's group.
  { broughtBy: ['drbd/fencing'] },
)
