import type { NodeContext } from '../../inventory/schema.ts'
import { role } from '../../lib/index.ts'
import preflight from '../preflight/index.ts'
import { handless } from './config.ts'

/** What `site` looks at first; no disk is read to its end for it. */
export default role(preflight.name, (context: NodeContext) =>
  // Nothing waits for the other node here, and a look that fails hides no later one.
  preflight.tasks(context).map(({ barrier: _, ...task }) => ({ ...task, ...handless(task) })),
)
