import { defineInventory, secret } from '../lib/index.ts'
import { schema } from './schema.ts'

/** The article's machines. Where it differs from the article, the line says why. */
export default defineInventory(schema, {
  name: 'production',
  production: true,
  hosts: {
    M1: {
      connection: { address: '192.168.0.210', port: 22, user: 'root' },
      vars: {
        kind: 'node',
        fqdn: 'M1.redhat.sx',
        em1: { device: 'em1', address: '192.168.0.210', prefix: 24 },
        em2: { device: 'em2', address: '172.16.0.210', prefix: 24 },
        em3: { device: 'em3', address: '172.16.100.210', prefix: 24 },
        // The article has none. Its management controller; its password: npm run secrets -- production --set fencing.M1
        fencing: {
          plugin: 'external/ipmi',
          address: '192.168.0.212',
          user: 'tandem',
          password: secret('fencing.M1', { given: true }),
        },
      },
    },
    M2: {
      connection: { address: '192.168.0.211', port: 22, user: 'root' },
      vars: {
        kind: 'node',
        fqdn: 'M2.redhat.sx',
        em1: { device: 'em1', address: '192.168.0.211', prefix: 24 },
        em2: { device: 'em2', address: '172.16.0.211', prefix: 24 },
        em3: { device: 'em3', address: '172.16.100.211', prefix: 24 },
        // The article has none. Its management controller; its password: npm run secrets -- production --set fencing.M2
        fencing: {
          plugin: 'external/ipmi',
          address: '192.168.0.213',
          user: 'tandem',
          password: secret('fencing.M2', { given: true }),
        },
      },
    },
  },
  // The two image servers mount the address too; name them here to have them mounted and verified.
  groups: { nodes: ['M1', 'M2'], clients: [] },
  timeouts: { connect: 15_000, check: 30_000, apply: 900_000 },
  vars: {
    preferred: 'M1',
    vip: { device: 'em1', address: '192.168.0.219', prefix: 24 },
    ntp: { servers: ['pool.ntp.org'], maxOffset: 1 },
    drbd: {
      resource: 'drbd',
      minor: 0,
      disk: '/dev/mapper/VolGroup-lv_drbd',
      stateDisk: '/dev/mapper/VolGroup-lv_state',
      port: 7789,
      // A 1 Gbit/s line carries 118 MB/s; the article's 1024M is ten times what it can.
      maxRate: '110M',
      minRate: '20M',
      // The article's 517 lowers DRBD's default.
      alExtents: 1237,
      maxBuffers: 8000,
      maxEpochSize: 8000,
      sndbufSize: '512K',
      // The article turns them off: right only with a battery-backed cache.
      flushes: true,
      sharedSecret: secret('drbd.sharedSecret'),
      filesystem: 'ext4',
      bootWait: 30,
    },
    heartbeat: {
      keepalive: 2,
      warntime: 6,
      deadtime: 10,
      initdead: 120,
      udpPort: 694,
      pingNodes: ['192.168.0.1'],
      // The article says on: every repaired node then costs the clients a second stall.
      autoFailback: false,
      atBoot: false,
      key: secret('heartbeat.key'),
    },
    nfs: {
      path: '/data',
      clients: '192.168.0.0/24',
      // The article's options, a choice of this site: root of any client is root on the files.
      options: ['rw', 'sync', 'no_root_squash', 'no_subtree_check'],
      legacyClients: false,
      threads: 16,
      profile: 'fast',
    },
    client: { mountPoint: '/data', options: ['noatime', 'nodiratime'] },
  },
})
