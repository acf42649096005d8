import { playbook } from '../../../lib/index.ts'
import through from '../../../roles/verify/client.ts'
import cluster from '../../../roles/verify/cluster.ts'
import { configOf } from '../../../roles/verify/config.ts'
import preflight from '../../../roles/verify/preflight.ts'
import site from './site.ts'

export default playbook({
  name: 'verify',
  description: 'Tells everything that is not as the inventory says; changes no configuration',
  readOnly: true,
  plays: [
    {
      title: 'both nodes and the pair',
      hosts: 'nodes',
      roles: [preflight, configOf(site as never), cluster],
      keepGoing: true,
    },
    { title: 'through the floating address', hosts: 'clients', roles: [through] },
  ],
})
