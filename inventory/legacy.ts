import { defineInventory, embeddedLab } from '../lib/index.ts'
import lab from './lab.ts'
import { schema } from './schema.ts'

/** In the lab: a pair that serves NFS 3 and 4.0 too, and a client as old as the article's. */
export default embeddedLab((facts) => {
  const { vars, ...rest } = lab.embeddedLab(facts)
  return defineInventory(schema, {
    ...rest,
    name: 'legacy',
    vars: {
      ...vars,
      nfs: { ...vars.nfs, legacyClients: true },
      client: { ...vars.client, version: '3' },
    },
  })
})
