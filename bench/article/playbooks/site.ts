import { playbook } from '../../../lib/index.ts'
import { hosts, ntp, routes } from '../../../roles/base/index.ts'
import build from '../../../roles/drbd/build.ts'
import init from '../../../roles/drbd/init.ts'
import install from '../../../roles/heartbeat/install.ts'
import preflight from '../../../roles/preflight/index.ts'
import config from '../roles/drbd.ts'
import { configure, resources, start } from '../roles/heartbeat.ts'
import { client, exports } from '../roles/nfs.ts'

export default playbook({
  name: 'site',
  description: "The source article's recipe to the letter, for comparison only (S1 to S13)",
  plays: [
    { title: 'look before anything is touched', hosts: 'nodes', roles: [preflight] },
    { title: 'base', hosts: 'nodes', roles: [ntp, hosts, routes] },
    { title: 'software', hosts: 'nodes', roles: [build, install, exports] },
    { title: 'replicated disk', hosts: 'nodes', roles: [config, init] },
    { title: 'cluster', hosts: 'nodes', roles: [configure, resources, start] },
    { title: 'clients', hosts: 'clients', roles: [client] },
  ],
})
