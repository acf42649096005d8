import type { Topology } from '../lib/index.ts'

/** Names and addresses of the lab's pair and its client, once: the lab's inventories read them here. */
export const addresses = {
  M1: { em1: '192.168.0.210', em2: '172.16.0.210', em3: '172.16.100.210', em4: '172.16.200.210' },
  M2: { em1: '192.168.0.211', em2: '172.16.0.211', em3: '172.16.100.211', em4: '172.16.200.211' },
  C1: { em1: '192.168.0.220' },
  bmc: { M1: '172.16.200.110', M2: '172.16.200.111' },
  gateway: '192.168.0.1',
  /** The service LAN, on em1. */
  lan: '192.168.0.0/24',
  /** The prefix length of every line. */
  prefix: 24,
} as const

/** The user of the nodes' BMCs; their passwords come with the lab. */
export const bmcUser = 'tandem'

/** What `uname -n` says; DRBD and heartbeat match on it. */
export const fqdnOf = <N extends string>(name: N) => `${name}.redhat.sx` as const

const mac = (machine: number, card: number | 'bc') =>
  `52:54:00:7a:0${machine}:${card === 'bc' ? card : `0${card}`}`

/** The management card's address is fixed by QEMU. */
const mgmt = (machine: number) => ({
  name: 'mgmt',
  mac: mac(machine, 0),
  addresses: ['10.0.2.15/24'],
})

const within = (address: string) => `${address}/${addresses.prefix}`

function node(number: 1 | 2): Topology['machines'][number] {
  const name = `M${number}` as const
  const lines = Object.entries(addresses[name])
  return {
    name,
    hostname: fqdnOf(name),
    image: 'server',
    memoryMib: 768,
    // Larger than what the activity log keeps hot, or a crash would cost a full resync; sparse.
    volumes: { diskMib: 592, group: 'VolGroup', volumes: { lv_drbd: 512, lv_state: 32 } },
    cards: [
      mgmt(number),
      ...lines.map(([card, address], index) => ({
        name: card,
        mac: mac(number, index + 1),
        addresses: [within(address)],
        ...(card === 'em1' && { gateway: addresses.gateway }),
      })),
    ],
    bmc: { segment: 'em4', address: addresses.bmc[name], mac: mac(number, 'bc'), user: bmcUser },
  }
}

/** The article's machines: the pair, and a client that is also the gateway they ping and the clock they ask. */
export const topology: Topology = {
  machines: [
    node(1),
    node(2),
    {
      name: 'C1',
      hostname: fqdnOf('C1'),
      image: 'client',
      memoryMib: 384,
      cards: [
        mgmt(3),
        {
          name: 'em1',
          mac: mac(3, 1),
          addresses: [within(addresses.C1.em1), within(addresses.gateway)],
        },
      ],
    },
  ],
  images: {
    server: { installed: [] },
    client: {
      installed: ['nfs-common', 'chrony'],
      script: `set -eu
cat >/etc/chrony/chrony.conf <<'CONF'
driftfile /var/lib/chrony/chrony.drift
local stratum 8
allow ${addresses.lan}
CONF
systemctl disable -q nfs-client.target rpcbind.service rpcbind.socket || true
`,
    },
  },
  clock: 'C1',
}
