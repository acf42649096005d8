import { playbook } from '../lib/index.ts'
import switchover from '../roles/switchover/index.ts'

export default playbook({
  name: 'switchover',
  description: 'Moves the service to the other node, only while both disks hold the same data',
  parameters: {
    trust: {
      kind: 'host',
      about:
        'where a comparison found blocks that differ: the standby, because its disk is the right one',
    },
  },
  plays: [{ title: 'planned move', hosts: 'nodes', roles: [switchover] }],
})
