import type { Sight } from '../../../lib/drill/index.ts'
import { type DrbdStatus, describe } from '../../../roles/drbd/status.ts'

/** What drills need to know of the pair and its client. */
export interface PairPlan {
  /** The recipe under test: Tandem's own, or the article's. */
  readonly recipe: string
  /** Programs that the node that serves must run. */
  readonly programs: readonly string[]
  /** The recipe moves the service back to the preferred node by itself. */
  readonly movesBack: boolean
  readonly nodes: readonly [NodePlan, NodePlan]
  /** The node that serves when both can. */
  readonly preferred: string
  readonly client: { readonly name: string; readonly device: string; readonly mountPoint: string }
  readonly vip: { readonly address: string; readonly device: string }
  readonly drbd: {
    readonly resource: string
    readonly minor: number
    readonly disk: string
    /** The disk of the service's own state; undefined where there is none. */
    readonly stateDisk?: string | undefined
    /** The most that DRBD may use of its line, such as `110M` (bytes a second). */
    readonly maxRate: string
  }
  /** Where the replicated filesystem is mounted on the node that serves. */
  readonly path: string
  readonly heartbeat: { readonly deadtime: number; readonly initdead: number }
  readonly grace: number
  /** How much longer than real machines these may take. */
  readonly slow: number
}

/** One node: its name here, and the one heartbeat knows it by. */
export interface NodePlan {
  readonly name: string
  readonly fqdn: string
}

/** What a node knows of the replication. */
export type Replica = Omit<DrbdStatus, 'sync'>

/** One node as it was at one moment. */
export interface NodeState {
  readonly name: string
  /** False where the machine did not answer: then nothing else here means anything. */
  readonly reached: boolean
  readonly replica: Replica
  /** Heartbeat's word for what the node holds, or `stopped`. */
  readonly heartbeat: string
  readonly mounted: boolean
  readonly threads: number
  readonly vip: boolean
  /** Programs the service needs that do not run. */
  readonly missing: readonly string[]
  /** What the node cannot confirm and therefore waits for, in its own sentence; empty where nothing. */
  readonly waiting: string
}

/** The pair at one moment. */
export interface PairState extends Sight {
  readonly nodes: readonly NodeState[]
  /** Who answers for the floating address, asked on the wire; undefined where nobody asked. */
  readonly owners?: readonly string[]
}

/** One line a node, for messages. */
export function stateText({ nodes }: Pick<PairState, 'nodes'>): string {
  return nodes
    .map((node) => {
      if (!node.reached) return `${node.name}: no answer`
      const parts = [
        ...(node.vip ? ['address'] : []),
        ...(node.threads > 0 ? ['nfsd'] : []),
        ...(node.mounted ? ['mounted'] : []),
      ]
      const has = parts.length > 0 ? `, has ${parts.join(', ')}` : ''
      const waits = node.waiting ? `, waits: ${node.waiting}` : ''
      return `${node.name}: ${describe(node.replica)}, heartbeat ${node.heartbeat}${has}${waits}`
    })
    .join('; ')
}

/** What was seen of the node of that name. */
export function nodeOf({ nodes }: Pick<PairState, 'nodes'>, name: string): NodeState | undefined {
  return nodes.find((node) => node.name === name)
}

/** Whether every part of the service is on this node. */
export function isComplete(node: NodeState): boolean {
  return (
    node.reached &&
    node.replica.role === 'Primary' &&
    node.mounted &&
    node.threads > 0 &&
    node.vip &&
    node.missing.length === 0
  )
}

/** Whether any part of the service is on this node. */
export function holdsAny(node: NodeState): boolean {
  const { replica, mounted, threads, vip } = node
  return node.reached && (replica.role === 'Primary' || mounted || threads > 0 || vip)
}

/** Whether heartbeat neither takes nor gives anything just now; one that does not run is settled. */
export const isSettled = ({ heartbeat }: NodeState): boolean => heartbeat !== 'transition'

/** The node that serves, if exactly one does. */
export function servingOf({ nodes }: Pick<PairState, 'nodes'>): NodeState | undefined {
  const complete = nodes.filter(isComplete)
  return complete.length === 1 ? complete[0] : undefined
}

/** What must never be, not for a moment: a sentence each. */
export function unsafe({ nodes, owners }: PairState): string[] {
  const names = (has: (node: NodeState) => boolean) =>
    nodes.filter((node) => node.reached && has(node)).map(({ name }) => name)
  const primaries = names((node) => node.replica.role === 'Primary')
  const addresses = names((node) => node.vip)
  return [
    ...(primaries.length > 1 ? [`DRBD is Primary on ${primaries.join(' and ')}`] : []),
    ...(addresses.length > 1 ? [`the floating address is on ${addresses.join(' and ')}`] : []),
    ...(owners && owners.length > 1
      ? [`${owners.join(' and ')} answer for the floating address`]
      : []),
  ]
}

/** Which nodes must be stopped so that at most one can serve. */
export function superfluous({ nodes }: PairState): readonly NodeState[] {
  const holders = nodes.filter(holdsAny)
  if (holders.length < 2) return []
  const worth = (node: NodeState) => [
    isComplete(node),
    node.replica.disk === 'UpToDate',
    node.vip,
    node.replica.role === 'Primary',
  ]
  const rank = (node: NodeState) =>
    worth(node).reduce(
      (sum, good, place, { length }) => sum + (good ? 2 ** (length - place) : 0),
      0,
    )
  const [, ...others] = [...holders].sort((a, b) => rank(b) - rank(a))
  return others
}

/** What keeps the pair from being whole, where one node may be lost without losing anything. */
export function notWhole(state: PairState): string[] {
  const found = unsafe(state)
  const { nodes, owners } = state
  for (const node of nodes) {
    if (!node.reached) {
      found.push(`${node.name} does not answer`)
      continue
    }
    const { connection, disk, peerDisk, outOfSync } = node.replica
    const same = disk === 'UpToDate' && peerDisk === 'UpToDate' && outOfSync === 0
    if (connection !== 'Connected' || !same) {
      found.push(`${node.name}: DRBD is ${describe(node.replica)}`)
    }
    if (node.heartbeat === 'stopped') found.push(`${node.name}: heartbeat does not run`)
    if (!isSettled(node)) found.push(`${node.name}: heartbeat is in transition`)
    if (node.waiting) found.push(`${node.name} waits: ${node.waiting}`)
  }
  const serving = servingOf(state)
  const holders = nodes.filter(holdsAny)
  if (!serving) {
    const half = holders.map(
      (node) =>
        `${node.name}: ${partsOf(node).join(', ')}${node.missing.length > 0 ? `, without ${node.missing.join(', ')}` : ''}`,
    )
    found.push(`no node has the whole service (${half.join('; ') || 'none has any of it'})`)
  } else {
    for (const node of holders) {
      if (node !== serving) found.push(`${node.name} has ${partsOf(node).join(', ')} as well`)
    }
    if (owners && !(owners.length === 1 && owners[0] === serving.name)) {
      found.push(
        `${owners.join(' and ') || 'nobody'} answers for the floating address, expected ${serving.name}`,
      )
    }
  }
  return found
}

function partsOf({ replica, mounted, threads, vip }: NodeState): string[] {
  return [
    ...(replica.role === 'Primary' ? ['Primary'] : []),
    ...(mounted ? ['the filesystem'] : []),
    ...(threads > 0 ? ['nfsd'] : []),
    ...(vip ? ['the address'] : []),
  ]
}
