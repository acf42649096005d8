import { playbook } from '../lib/index.ts'
import switchover from '../roles/switchover/index.ts'

export default playbook({
  name: 'switchover',
  description: 'Moves the service to the other node, at Connected UpToDate/UpToDate oos:0 only',
  plays: [{ title: 'planned move', hosts: 'nodes', roles: [switchover] }],
})
