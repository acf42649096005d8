/** A network card, plugged into the segment that is called as it is; `mgmt` leads to this machine alone. */
export interface Card {
  readonly name: string
  readonly mac: string
  /** With prefix length, the first one is primary. */
  readonly addresses: readonly string[]
  readonly gateway?: string
}

/** What switches a machine's power: reached with IPMI over a segment, port 623. */
export interface Bmc {
  readonly segment: string
  readonly address: string
  readonly mac: string
  readonly user: string
}

/** A second disk, with logical volumes on it. */
export interface Volumes {
  readonly diskMib: number
  readonly group: string
  /** Name to size in MiB. */
  readonly volumes: Readonly<Record<string, number>>
}

/** What one machine is made of. */
export interface MachinePlan {
  readonly name: string
  /** What `uname -n` says. */
  readonly hostname: string
  /** Which of the images it boots from. */
  readonly image: string
  readonly memoryMib: number
  readonly volumes?: Volumes
  readonly cards: readonly Card[]
  /** Undefined for a machine whose power nobody switches but the lab. */
  readonly bmc?: Bmc
}

/** A system that machines boot from; what the roles install is kept in it as packages, not installed. */
export interface ImagePlan {
  /** Packages that are there from the start, whatever the roles say. */
  readonly installed: readonly string[]
  /** The last step of its making, in the system itself: POSIX sh. */
  readonly script?: string
}

/** The machines of a lab, how they are connected, and what they boot from. */
export interface Topology {
  readonly machines: readonly MachinePlan[]
  readonly images: Readonly<Record<string, ImagePlan>>
  /** The machine that the others ask for the time: after a jump, its clock is set first. */
  readonly clock: string
}

/** One end of a cable. */
export interface CableEnd {
  readonly machine: string
  readonly card: string
}

/** The management card: QEMU's user-mode network, no cable. */
export const management = 'mgmt'

/** Names of the machines. */
export const namesOf = ({ machines }: Topology): readonly string[] =>
  machines.map(({ name }) => name)

/** What one machine is made of; it must be there. */
export function machineOf({ machines }: Topology, name: string): MachinePlan {
  const found = machines.find((machine) => machine.name === name)
  if (found) return found
  throw new Error(`expected a machine of the lab, got ${name}`)
}

/** The machines with a BMC, which switches their power. */
export const bmcsOf = ({ machines }: Topology): readonly (MachinePlan & { readonly bmc: Bmc })[] =>
  machines.flatMap((machine) => (machine.bmc ? [{ ...machine, bmc: machine.bmc }] : []))

/** The cable that a card is plugged into. */
export function cable(machine: string, card: string): string {
  return `${machine}.${card}`
}

/** The process that is a machine's BMC, which is also what cutting it off is called. */
export function bmcName(machine: string): string {
  return `bmc-${machine}`
}

/** Every card that is plugged into a segment, by segment. */
function segmentsOf({ machines }: Topology): ReadonlyMap<string, readonly CableEnd[]> {
  const segments = new Map<string, CableEnd[]>()
  for (const { name: machine, cards } of machines) {
    for (const { name: card } of cards.filter(({ name }) => name !== management)) {
      segments.set(card, [...(segments.get(card) ?? []), { machine, card }])
    }
  }
  return segments
}

/**
 * What can be cut, with the ends that lose their carrier. A segment of two cards and nothing else is one
 * crossover line, and called by its name; of others, each card's cable is (`M1.em1`). A BMC is no card: cut off, it
 * answers nobody.
 */
export function linksOf(topology: Topology): ReadonlyMap<string, readonly CableEnd[]> {
  const bmcs = bmcsOf(topology)
  const links = new Map<string, readonly CableEnd[]>()
  for (const [segment, ends] of segmentsOf(topology)) {
    if (ends.length === 2 && !bmcs.some(({ bmc }) => bmc.segment === segment)) {
      links.set(segment, ends)
      continue
    }
    for (const end of ends) links.set(cable(end.machine, end.card), [end])
  }
  for (const { name } of bmcs) links.set(bmcName(name), [])
  return links
}
