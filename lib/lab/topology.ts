/** The three machines. */
export const machines = ['M1', 'M2', 'C1'] as const
export type MachineName = (typeof machines)[number]

/** The machines with a BMC, which switches their power. */
export const nodes = ['M1', 'M2'] as const
export type NodeName = (typeof nodes)[number]

/**
 * What can be cut: a node's cable to the service LAN or to the power switches, one of the two
 * crossover lines of the pair, or a BMC, which then answers nobody.
 */
export const links = [
  ...(['M1.em1', 'M2.em1', 'em2', 'em3'] as const),
  ...(['M1.em4', 'M2.em4', 'bmc-M1', 'bmc-M2'] as const),
]
export type LinkName = (typeof links)[number]

/** A network card: its name in the guest, its MAC address, its static addresses. */
export interface Card {
  readonly name: string
  readonly mac: string
  /** With prefix length, the first one is primary. */
  readonly addresses: readonly string[]
  readonly gateway?: string
}

/** What switches a machine's power: reached with IPMI over the segment em4, port 623. */
export interface Bmc {
  readonly address: string
  readonly mac: string
  readonly user: string
}

/** What one machine is made of. */
export interface MachinePlan {
  readonly name: MachineName
  /** What `uname -n` says; DRBD and heartbeat match on it. */
  readonly hostname: string
  /** Which image of the recipe it boots from. */
  readonly image: 'm' | 'c'
  readonly memoryMib: number
  /** Size of the disk under VolGroup; undefined for a machine without one. */
  readonly dataMib?: number
  readonly cards: readonly Card[]
  /** Undefined for a machine whose power nobody switches but the lab. */
  readonly bmc?: Bmc
}

const mac = (machine: number, card: number) => `52:54:00:7a:0${machine}:0${card}`

/** The management card: user-mode network of QEMU, whose guest address is fixed. */
const mgmt = (machine: number): Card => ({
  name: 'mgmt',
  mac: mac(machine, 0),
  addresses: ['10.0.2.15/24'],
})

function node(number: 1 | 2): MachinePlan {
  const last = 209 + number
  return {
    name: `M${number}`,
    hostname: `M${number}.redhat.sx`,
    image: 'm',
    memoryMib: 768,
    // Larger than what the activity log keeps hot, or a crash would cost a full resync; sparse.
    dataMib: 592,
    cards: [
      mgmt(number),
      {
        name: 'em1',
        mac: mac(number, 1),
        addresses: [`192.168.0.${last}/24`],
        gateway: '192.168.0.1',
      },
      { name: 'em2', mac: mac(number, 2), addresses: [`172.16.0.${last}/24`] },
      { name: 'em3', mac: mac(number, 3), addresses: [`172.16.100.${last}/24`] },
      { name: 'em4', mac: mac(number, 4), addresses: [`172.16.200.${last}/24`] },
    ],
    bmc: {
      address: `172.16.200.${109 + number}`,
      mac: `52:54:00:7a:0${number}:bc`,
      user: 'tandem',
    },
  }
}

/** The article's machines: the pair, and a client that is also the gateway they ping. */
export const plan: Readonly<Record<MachineName, MachinePlan>> = {
  M1: node(1),
  M2: node(2),
  C1: {
    name: 'C1',
    hostname: 'C1.redhat.sx',
    image: 'c',
    memoryMib: 384,
    cards: [
      mgmt(3),
      { name: 'em1', mac: mac(3, 1), addresses: ['192.168.0.220/24', '192.168.0.1/24'] },
    ],
  },
}

/** The cable that a card is plugged into. */
export function cable(machine: MachineName, card: string): string {
  return `${machine}.${card}`
}

/** The process that is a machine's BMC, which is also what cutting it off is called. */
export function bmcName<N extends NodeName>(node: N): `bmc-${N}` {
  return `bmc-${node}`
}

/** The ends, as machine and card, whose carrier a cut link takes away; a BMC is no card. */
export function linkEnds(link: LinkName): readonly { machine: MachineName; card: string }[] {
  if (link.startsWith('bmc-')) return []
  const [machine, card] = link.split('.') as [MachineName, string | undefined]
  if (card) return [{ machine, card }]
  return [
    { machine: 'M1', card: link },
    { machine: 'M2', card: link },
  ]
}
