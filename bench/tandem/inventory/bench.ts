import { readFileSync } from 'node:fs'
import { defineInventory, UsageError } from '../../../lib/index.ts'
import type { BenchHosts } from '../../inventories.ts'
import { schema } from './schema.ts'

const file = process.env.TANDEM_BENCH_HOSTS
if (!file) throw new UsageError('Expected TANDEM_BENCH_HOSTS, which npm run bench sets')
const { hosts, identityFile, knownHosts } = JSON.parse(readFileSync(file, 'utf8')) as BenchHosts

/** The benchmark's hosts; the variables are those of the work, the same for every contender. */
export default defineInventory(schema, {
  name: 'bench',
  production: false,
  hosts: Object.fromEntries(
    hosts.map(({ name, address, port, node }) => [
      name,
      {
        connection: {
          address,
          port,
          user: 'root',
          identityFiles: [identityFile],
          knownHosts: [knownHosts],
        },
        vars: { node },
      },
    ]),
  ),
  groups: { nfs: hosts.map(({ name }) => name) },
  timeouts: { connect: 60_000, check: 60_000, apply: 300_000 },
  vars: {
    domain: 'redhat.sx',
    nodes: [
      { name: 'M1.redhat.sx', em1: '192.168.0.210', em2: '172.16.0.210', em3: '172.16.100.210' },
      { name: 'M2.redhat.sx', em1: '192.168.0.211', em2: '172.16.0.211', em3: '172.16.100.211' },
    ],
    vip: '192.168.0.219',
    vipPrefix: 24,
    vipDevice: 'em1',
    gateway: '192.168.0.1',
    clients: '192.168.0.0/24',
    mountPoint: '/data',
    heartbeat: {
      keepalive: 2,
      deadtime: 10,
      warntime: 6,
      udpPort: 694,
      device: 'em2',
      mcast: '225.0.0.192',
      auth: 'sha1',
      key: 'ha-nfs-bench',
    },
    drbd: {
      resource: 'drbd',
      device: '/dev/drbd0',
      disk: '/dev/mapper/VolGroup-lv_drbd',
      port: 7789,
      line: 'em3',
      secret: 'allendrbd',
      rate: '1024M',
    },
    nfsThreads: 16,
    sysctl: {
      'net.ipv4.conf.all.arp_ignore': 1,
      'net.ipv4.conf.all.arp_announce': 2,
      'net.ipv4.ip_nonlocal_bind': 1,
      'vm.swappiness': 10,
    },
  },
})
