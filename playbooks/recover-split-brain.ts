import { playbook } from '../lib/index.ts'
import build from '../roles/drbd/build.ts'
import preflight from '../roles/preflight/index.ts'
import recover from '../roles/recover/index.ts'
import { victim } from '../roles/recover/victim.ts'
import cluster from '../roles/verify/cluster.ts'

export default playbook({
  name: 'recover-split-brain',
  description:
    'After a split brain: saves what NODE wrote alone, then gives it up: -- --victim NODE',
  parameters: { victim },
  plays: [
    { title: 'look before anything is touched', hosts: 'nodes', roles: [preflight] },
    // An older Tandem has not installed the program that connects DRBD.
    { title: 'DRBD and its tools', hosts: 'nodes', roles: [build] },
    { title: 'the victim follows the survivor', hosts: 'nodes', roles: [recover] },
    { title: 'the pair is whole again', hosts: 'nodes', roles: [cluster] },
  ],
})
