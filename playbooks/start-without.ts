import { playbook } from '../lib/index.ts'
import startWithout from '../roles/start-without/index.ts'

export default playbook({
  name: 'start-without',
  description:
    'After both nodes lost their power and NODE stays off: tells what is known; with --confirm the other serves alone',
  asks: 'absent',
  tellsFirst: true,
  plays: [{ title: 'the node that is left', hosts: 'nodes', roles: [startWithout] }],
})
