import { playbook } from '../../../lib/index.ts'
import base from '../roles/base.ts'
import drbd from '../roles/drbd.ts'
import handlers from '../roles/handlers.ts'
import heartbeat from '../roles/heartbeat.ts'
import integrate from '../roles/integrate.ts'
import nfs from '../roles/nfs.ts'

export default playbook({
  name: 'site',
  description: 'the benchmark: 46 tasks of a two-node NFS cluster, and what its handlers do',
  plays: [
    {
      title: 'HA NFS cluster',
      hosts: 'nfs',
      roles: [base, heartbeat, drbd, nfs, integrate, handlers],
    },
  ],
})
