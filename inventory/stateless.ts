import { defineInventory, embeddedLab } from '../lib/index.ts'
import lab from './lab.ts'
import { schema } from './schema.ts'

/** In the lab: a pair of an older Tandem, whose service keeps its own state in the share. */
export default embeddedLab((facts) => {
  const { vars, ...rest } = lab.embeddedLab(facts)
  const { stateDisk: _, ...drbd } = vars.drbd
  return defineInventory(schema, { ...rest, name: 'stateless', vars: { ...vars, drbd } })
})
