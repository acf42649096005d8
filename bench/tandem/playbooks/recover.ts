import { playbook } from '../../../lib/index.ts'
import recover from '../roles/recover.ts'

export default playbook({
  name: 'recover',
  description:
    'what a victim alone has, saved: the part of recover-split-brain that grows with the files',
  plays: [{ title: 'what the victim alone has', hosts: 'nfs', roles: [recover] }],
})
