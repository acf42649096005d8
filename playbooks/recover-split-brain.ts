import { playbook } from '../lib/index.ts'
import preflight from '../roles/preflight/index.ts'
import recover from '../roles/recover/index.ts'
import cluster from '../roles/verify/cluster.ts'

export default playbook({
  name: 'recover-split-brain',
  description: 'Saves, then gives up, what one node wrote alone: -- --victim NODE',
  parameters: {
    victim: {
      kind: 'host',
      required: true,
      about:
        'the node whose changes or blocks are given up (npm run play verify tells which node serves)',
    },
  },
  plays: [
    { title: 'look before anything is touched', hosts: 'nodes', roles: [preflight] },
    { title: 'the victim follows the survivor', hosts: 'nodes', roles: [recover] },
    { title: 'the pair is whole again', hosts: 'nodes', roles: [cluster] },
  ],
})
