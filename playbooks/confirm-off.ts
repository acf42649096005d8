import { playbook } from '../lib/index.ts'
import confirmOff from '../roles/confirm-off/index.ts'

export default playbook({
  name: 'confirm-off',
  description: 'You have seen that a node is without power: the other stops waiting for that: NODE',
  asks: 'absent',
  plays: [{ title: 'the node that is left', hosts: 'nodes', roles: [confirmOff] }],
})
