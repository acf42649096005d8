import { playbook } from '../lib/index.ts'
import confirmOff from '../roles/confirm-off/index.ts'

export default playbook({
  name: 'confirm-off',
  description:
    'Tells the other node that NODE has no power, which you have seen yourself: the other node stops waiting',
  asks: 'absent',
  plays: [{ title: 'the node that is left', hosts: 'nodes', roles: [confirmOff] }],
})
