import { playbook } from '../lib/index.ts'
import client from '../roles/verify/client.ts'
import cluster from '../roles/verify/cluster.ts'
import { configOf } from '../roles/verify/config.ts'
import preflight from '../roles/verify/preflight.ts'
import service from '../roles/verify/service.ts'
import watch from '../roles/verify/watch.ts'
import site from './site.ts'

export default playbook({
  name: 'verify',
  description: 'Tells everything that is not as the inventory says; changes no configuration',
  readOnly: true,
  plays: [
    {
      title: 'both nodes and the pair',
      hosts: 'nodes',
      roles: [preflight, configOf(site as never), cluster, service, watch],
      keepGoing: true,
    },
    { title: 'through the floating address', hosts: 'clients', roles: [client] },
  ],
})
