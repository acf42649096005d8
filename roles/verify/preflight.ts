import type { NodeContext } from '../../inventory/schema.ts'
import { role } from '../../lib/index.ts'
import preflight from '../preflight/index.ts'
import { handless } from './config.ts'

/** What `site` looks at first; no disk is read to its end for it. */
export default role(preflight.name, (context: NodeContext) =>
  // Nobody waits for the other node: all is asked in one go.
  preflight.tasks(context).map(({ barrier: _, ...task }) => ({ ...task, ...handless(task) })),
)
