import { defineInventory, embeddedLab } from '../lib/index.ts'
import lab from './lab.ts'
import { schema } from './schema.ts'

/** In the lab: a pair without power switches, which a partition may split in two. */
export default embeddedLab((facts) => {
  const { vars, ...rest } = lab.embeddedLab(facts)
  return defineInventory(schema, { ...rest, name: 'unfenced', vars: { ...vars, fencing: 'none' } })
})
