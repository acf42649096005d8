import { playbook } from '../lib/index.ts'
import build from '../roles/drbd/build.ts'
import { victim } from '../roles/recover/victim.ts'
import resync from '../roles/resync/index.ts'
import cluster from '../roles/verify/cluster.ts'

export default playbook({
  name: 'resync',
  description:
    'Copies blocks that a comparison found to differ, from the node that serves to NODE: -- --victim NODE',
  parameters: { victim },
  plays: [
    // An older Tandem has not installed the program that connects DRBD.
    { title: 'DRBD and its tools', hosts: 'nodes', roles: [build] },
    { title: 'the blocks that differ', hosts: 'nodes', roles: [resync] },
    { title: 'the pair is whole again', hosts: 'nodes', roles: [cluster] },
  ],
})
