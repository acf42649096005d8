import { defineInventory, embeddedLab, type LabFacts, labMachine, secret } from '../lib/index.ts'
import { type Fencing, schema } from './schema.ts'
import { addresses, bmcUser, fqdnOf } from './topology.ts'

function connection(facts: LabFacts, name: string) {
  const { address, port, user, identityFile, knownHosts } = labMachine(facts, name)
  // No user's ~/.ssh/config is meant for machines of the lab.
  const own = { identityFiles: [identityFile], knownHosts: [knownHosts], sshConfig: 'none' }
  return { address, port, user, ...own }
}

/** The management controller that the lab gives each node; its password comes with the lab. */
const bmc = (name: keyof typeof addresses.bmc): Fencing => ({
  plugin: 'external/ipmi',
  address: addresses.bmc[name],
  port: 623,
  interface: 'lanplus',
  cipher: 3,
  user: bmcUser,
  password: secret(`fencing.${name}`, { given: true }),
})

/** A card of the lab, as the inventory names it. */
const line = <D extends string, A extends string>(device: D, address: A) => ({
  device,
  address,
  prefix: addresses.prefix,
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
          fqdn: fqdnOf('M1'),
          em1: line('em1', addresses.M1.em1),
          em2: line('em2', addresses.M1.em2),
          em3: line('em3', addresses.M1.em3),
          fencing: bmc('M1'),
        },
      },
      M2: {
        connection: connection(facts, 'M2'),
        vars: {
          kind: 'node',
          fqdn: fqdnOf('M2'),
          em1: line('em1', addresses.M2.em1),
          em2: line('em2', addresses.M2.em2),
          em3: line('em3', addresses.M2.em3),
          fencing: bmc('M2'),
        },
      },
      C1: {
        connection: connection(facts, 'C1'),
        vars: {
          kind: 'client',
          fqdn: fqdnOf('C1'),
          em1: line('em1', addresses.C1.em1),
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
      vip: line('em1', '192.168.0.219'),
      // C1 is the lab's clock: nothing leaves this machine.
      ntp: { servers: [addresses.C1.em1], maxOffset: 1 },
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
        pingNodes: [addresses.gateway],
        autoFailback: false,
        atBoot: true,
        key: secret('heartbeat.key'),
      },
      nfs: {
        path: '/data',
        clients: addresses.lan,
        options: ['rw', 'sync', 'no_root_squash', 'no_subtree_check'],
        legacyClients: false,
        threads: 8,
        profile: 'fast',
      },
      client: { mountPoint: '/data', options: ['noatime', 'nodiratime'] },
    },
  })
})
