import type { NodeContext } from '../../../inventory/schema.ts'
import { role, templates } from '../../../lib/index.ts'
import { configWith, globalFile } from '../../../roles/drbd/config.ts'
import { ping } from '../../../roles/drbd/fencing.ts'

const template = templates(import.meta.dirname)

/** S8 and S9 as the article has them: nobody makes sure that the peer cannot serve older data. */
export default role('drbd/config', (context: NodeContext) =>
  configWith(context, template('global_common.conf', globalFile, { ...context.vars.drbd, ping })),
)
