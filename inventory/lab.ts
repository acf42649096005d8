import {
  defineInventory,
  embeddedLab,
  type LabFacts,
  type LabMachineName,
  secret,
} from '../lib/index.ts'
import { type Fencing, type Octets, schema } from './schema.ts'

function connection({ machines }: LabFacts, name: LabMachineName) {
  const { address, port, user, identityFile, knownHosts } = machines[name]
  return { address, port, user, identityFiles: [identityFile], knownHosts: [knownHosts] }
}

/** The management controller that the lab gives each node; its password comes with the lab. */
const bmc = (address: Octets, password: string): Fencing => ({
  plugin: 'external/ipmi',
  address,
  port: 623,
  interface: 'lanplus',
  cipher: 3,
  user: 'tandem',
  password: secret(password, { given: true }),
})

/** The article's pair and one client, as machines of the embedded lab. */
export default embeddedLab((facts) => {
  // Emulated processors start a process some fifty times slower, and every time-out follows.
  const slow = Math.max(1, Math.round(facts.forkMs / 2))
  const emulated = facts.acceleration === 'tcg'
  return defineInventory(schema, {
    name: 'lab',
    production: false,
    hosts: {
      M1: {
        connection: connection(facts, 'M1'),
        vars: {
          kind: 'node',
          fqdn: 'M1.redhat.sx',
          em1: { device: 'em1', address: '192.168.0.210', prefix: 24 },
          em2: { device: 'em2', address: '172.16.0.210', prefix: 24 },
          em3: { device: 'em3', address: '172.16.100.210', prefix: 24 },
          fencing: bmc('172.16.200.110', 'fencing.M1'),
        },
      },
      M2: {
        connection: connection(facts, 'M2'),
        vars: {
          kind: 'node',
          fqdn: 'M2.redhat.sx',
          em1: { device: 'em1', address: '192.168.0.211', prefix: 24 },
          em2: { device: 'em2', address: '172.16.0.211', prefix: 24 },
          em3: { device: 'em3', address: '172.16.100.211', prefix: 24 },
          fencing: bmc('172.16.200.111', 'fencing.M2'),
        },
      },
      C1: {
        connection: connection(facts, 'C1'),
        vars: {
          kind: 'client',
          fqdn: 'C1.redhat.sx',
          em1: { device: 'em1', address: '192.168.0.220', prefix: 24 },
        },
      },
    },
    groups: { nodes: ['M1', 'M2'], clients: ['C1'] },
    timeouts: {
      connect: 15_000 + 1_000 * slow,
      check: 30_000 + 3_000 * slow,
      apply: 300_000 + 30_000 * slow,
    },
    vars: {
      preferred: 'M1',
      vip: { device: 'em1', address: '192.168.0.219', prefix: 24 },
      // C1 is the lab's clock: nothing leaves this machine.
      ntp: { servers: ['192.168.0.220'], maxOffset: 1 },
      drbd: {
        resource: 'drbd',
        minor: 0,
        disk: '/dev/mapper/VolGroup-lv_drbd',
        stateDisk: '/dev/mapper/VolGroup-lv_state',
        port: 7789,
        maxRate: '110M',
        minRate: '20M',
        // The disk is small and so is the log: as on a real disk, a crash must not cost a full resync.
        alExtents: 67,
        // A lab that is put back after days would begin one at once.
        compare: 'none',
        // Emulated processors need as long for SHA-1 as for all else of a comparison.
        verifyAlg: 'crc32c',
        maxBuffers: 8000,
        maxEpochSize: 8000,
        sndbufSize: '512K',
        flushes: true,
        sharedSecret: secret('drbd.sharedSecret'),
        filesystem: 'ext4',
        bootWait: 30,
      },
      heartbeat: {
        keepalive: 2,
        warntime: emulated ? 10 : 6,
        deadtime: emulated ? 20 : 10,
        initdead: emulated ? 90 : 30,
        udpPort: 694,
        pingNodes: ['192.168.0.1'],
        autoFailback: false,
        atBoot: true,
        key: secret('heartbeat.key'),
      },
      nfs: {
        path: '/data',
        clients: '192.168.0.0/24',
        options: ['rw', 'sync', 'no_root_squash', 'no_subtree_check'],
        legacyClients: false,
        threads: 8,
        profile: 'fast',
      },
      client: { mountPoint: '/data', options: ['noatime', 'nodiratime'] },
    },
  })
})
