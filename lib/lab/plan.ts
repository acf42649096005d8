/** The three machines. */
export const machines = ['M1', 'M2', 'C1'] as const
export type MachineName = (typeof machines)[number]

/** What can be cut: a node's service cable, or one of the two crossover lines of the pair. */
export const links = ['M1.em1', 'M2.em1', 'em2', 'em3'] as const
export type LinkName = (typeof links)[number]

/** A network card: its name in the guest, its MAC address, its static addresses. */
export interface Card {
  readonly name: string
  readonly mac: string
  /** With prefix length, the first one is primary. */
  readonly addresses: readonly string[]
  readonly gateway?: string
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
    dataMib: 560,
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
    ],
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

/** The cable a card is plugged into: one of its own for em1, shared by the pair for em2 and em3. */
export function cable(machine: MachineName, card: string): string {
  return `${machine}.${card}`
}

/** The two ends, as machine and card, whose carrier a cut link takes away. */
export function linkEnds(link: LinkName): readonly { machine: MachineName; card: string }[] {
  const [machine, card] = link.split('.') as [MachineName, string | undefined]
  if (card) return [{ machine, card }]
  return [
    { machine: 'M1', card: link },
    { machine: 'M2', card: link },
  ]
}
