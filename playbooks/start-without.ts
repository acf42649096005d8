import { playbook } from '../lib/index.ts'
import startWithout from '../roles/start-without/index.ts'

export default playbook({
  name: 'start-without',
  description:
    'After a total loss of power: what is known of both, and then one serves alone: NODE',
  asks: 'absent',
  tellsFirst: true,
  plays: [{ title: 'the node that is left', hosts: 'nodes', roles: [startWithout] }],
})
