import { playbook } from '../lib/index.ts'
import { hosts, ntp, routes } from '../roles/base/index.ts'
import build from '../roles/drbd/build.ts'
import compare from '../roles/drbd/compare.ts'
import config from '../roles/drbd/config.ts'
import fencing from '../roles/drbd/fencing.ts'
import init from '../roles/drbd/init.ts'
import narrow from '../roles/drbd/narrow.ts'
import power from '../roles/fencing/configure.ts'
import configure from '../roles/heartbeat/configure.ts'
import install from '../roles/heartbeat/install.ts'
import resources from '../roles/integrate/resources.ts'
import restart from '../roles/integrate/restart.ts'
import service from '../roles/integrate/service.ts'
import { standbyFirst } from '../roles/integrate/standby-first.ts'
import start from '../roles/integrate/start.ts'
import watch from '../roles/integrate/watch.ts'
import client from '../roles/nfs/client.ts'
import exports from '../roles/nfs/exports.ts'
import preflight from '../roles/preflight/index.ts'

export default playbook({
  name: 'site',
  description: 'Builds the pair, or brings it back to what the inventory says (S1 to S13)',
  parameters: {
    overwrite: {
      kind: 'devices',
      about: 'this disk has no signature and may be overwritten; Tandem does not read it first',
    },
  },
  plays: [
    { title: 'look before anything is touched', hosts: 'nodes', roles: [preflight] },
    { title: 'base', hosts: 'nodes', roles: [ntp, hosts, routes] },
    { title: 'software', hosts: 'nodes', roles: [build, install, power, fencing, exports] },
    { title: 'replicated disk', hosts: 'nodes', roles: [config, init] },
    { title: 'cluster', hosts: 'nodes', roles: [configure, resources, start] },
    {
      title: 'changed configuration, standby first',
      hosts: 'nodes',
      roles: [restart],
      serial: true,
      order: standbyFirst,
    },
    { title: 'service', hosts: 'nodes', roles: [service, watch, compare, narrow] },
    { title: 'clients', hosts: 'clients', roles: [client] },
  ],
})
