import { playbook } from '../lib/index.ts'
import confirmOff from '../roles/confirm-off/index.ts'

export default playbook({
  name: 'confirm-off',
  description:
    'Tells the other node that NODE has no power, because you have seen so: it stops waiting for the power switch',
  asks: 'absent',
  plays: [{ title: 'the node that is left', hosts: 'nodes', roles: [confirmOff] }],
})
