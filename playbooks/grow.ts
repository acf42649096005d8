import { playbook } from '../lib/index.ts'
import grow from '../roles/grow/index.ts'
import cluster from '../roles/verify/cluster.ts'

export default playbook({
  name: 'grow',
  description: 'DRBD and the filesystem take what disks that have grown on both nodes have to give',
  plays: [
    { title: 'the replicated disk', hosts: 'nodes', roles: [grow] },
    { title: 'the pair is whole', hosts: 'nodes', roles: [cluster] },
  ],
})
