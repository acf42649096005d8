import { playbook } from '../lib/index.ts'
import grow from '../roles/grow/index.ts'
import cluster from '../roles/verify/cluster.ts'

export default playbook({
  name: 'grow',
  description:
    'DRBD and the filesystem grow to the new size of the disks, once the disks of both nodes have grown',
  plays: [
    { title: 'the replicated disk', hosts: 'nodes', roles: [grow] },
    { title: 'the pair is whole', hosts: 'nodes', roles: [cluster] },
  ],
})
