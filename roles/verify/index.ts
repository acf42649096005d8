import { type Playbook, playbook } from '../../lib/index.ts'
import client from './client.ts'
import cluster from './cluster.ts'
import { configOf, type NodeRole } from './config.ts'
import preflight from './preflight.ts'

/** The playbook that tells everything that is not as `site` makes it, and what else `more` looks at on the nodes. */
export const verifyOf = (site: Playbook<never, never>, ...more: readonly NodeRole[]) =>
  playbook({
    name: 'verify',
    description: 'Tells everything that is not as the inventory says; changes no configuration',
    readOnly: true,
    plays: [
      {
        title: 'both nodes and the pair',
        hosts: 'nodes',
        roles: [preflight, configOf(site as never), cluster, ...more],
        keepGoing: true,
      },
      {
        title: 'through the floating address',
        hosts: 'clients',
        roles: [client],
      },
    ],
  })
