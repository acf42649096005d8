import type { Inventory } from '../lib/index.ts'
import { contains, networkOf } from './networks.ts'

// What is looked at here of the schema, which names this file's function and so cannot be imported.
interface Line {
  readonly device: string
  readonly address: string
  readonly prefix: number
}
interface Client {
  readonly kind: 'client'
  readonly fqdn: string
  readonly em1: Line
}
interface Node extends Omit<Client, 'kind'> {
  readonly kind: 'node'
  readonly fencing?:
    | {
        readonly plugin: string
        readonly address?: string | undefined
        readonly outlets?: readonly number[] | undefined
      }
    | undefined
  readonly em2: Line
  readonly em3: Line
}
interface Site {
  readonly preferred: string
  readonly vip: Line
  readonly drbd: {
    readonly disk: string
    readonly stateDisk?: string | undefined
    readonly port: number
  }
  readonly heartbeat: { readonly pingNodes: readonly string[] }
  readonly nfs: {
    readonly path: string
    readonly clients: string
    readonly options: readonly string[]
  }
  readonly client: { readonly mountPoint: string; readonly options: readonly string[] }
}
type Pair = Inventory<Site, Client | Node>

/** What a place of the inventory is told to be instead: `vars.vip.address: expected …, got …`. */
type Problems = string[]

/** What must be so of all of an inventory together; a line for each problem, with its key. */
export function consistencyProblems(pair: Pair): Problems {
  const nodes = nodesOf(pair)
  return [
    ...groupProblems(pair),
    ...addressProblems(pair),
    ...vipProblems(pair, nodes),
    ...lineProblems(nodes),
    ...outletProblems(nodes),
    ...clientProblems(pair),
    ...pathProblems(pair.vars),
    ...otherProblems(pair.vars),
  ]
}

const nodesOf = ({ hosts }: Pair): (readonly [name: string, node: Node])[] =>
  Object.entries(hosts).flatMap(([name, { vars }]) =>
    vars.kind === 'node' ? [[name, vars] as const] : [],
  )

function groupProblems({ hosts, groups, vars }: Pair): Problems {
  const found: Problems = []
  const { nodes = [], clients = [] } = groups
  if (nodes.length !== 2) {
    found.push(
      `groups.nodes: expected the two nodes of the pair, got ${nodes.join(', ') || 'none'}`,
    )
  }
  for (const [group, names, kind] of [
    ['nodes', nodes, 'node'],
    ['clients', clients, 'client'],
  ] as const) {
    for (const [index, name] of names.entries()) {
      const is = hosts[name]?.vars.kind
      if (is === kind) continue
      found.push(
        `groups.${group}[${index}]: expected a host of kind \`${kind}\`, got ${name}, a ${is}`,
      )
    }
  }
  if (!nodes.includes(vars.preferred)) {
    found.push(
      `vars.preferred: expected one of the nodes (${nodes.join(', ')}), got \`${vars.preferred}\``,
    )
  }
  return found
}

/** Every address that a machine of the inventory has, by the key that says so. */
function addressesOf({ hosts }: Pair): (readonly [key: string, line: Line])[] {
  return Object.entries(hosts).flatMap(([name, { vars }]) => {
    const lines = vars.kind === 'node' ? [vars.em1, vars.em2, vars.em3] : [vars.em1]
    return lines.map((line, index) => [`hosts.${name}.vars.em${index + 1}.address`, line] as const)
  })
}

function addressProblems(pair: Pair): Problems {
  const found: Problems = []
  const seen = new Map<string, readonly [key: string, line: Line]>()
  for (const one of addressesOf(pair)) {
    const [key, line] = one
    const before = seen.get(line.address)
    // Two lines of one node may share a card: they are then written down twice.
    const shared = before && hostIn(before[0]) === hostIn(key) && before[1].device === line.device
    if (before && !shared) {
      found.push(
        `${key}: expected an address of its own, got ${line.address}, as ${before[0]} has it`,
      )
    }
    seen.set(line.address, one)
  }
  const names = new Map<string, string>()
  for (const [name, { vars }] of Object.entries(pair.hosts)) {
    const before = names.get(vars.fqdn)
    if (before) {
      found.push(
        `hosts.${name}.vars.fqdn: expected a name of its own (what \`uname -n\` says), got \`${vars.fqdn}\`, as ${before} has it`,
      )
    }
    names.set(vars.fqdn, name)
  }
  return found
}

const hostIn = (key: string) => key.split('.')[1]

function vipProblems(pair: Pair, nodes: readonly (readonly [string, Node])[]): Problems {
  const { vip, heartbeat } = pair.vars
  const found: Problems = []
  const owner = addressesOf(pair).find(([, { address }]) => address === vip.address)
  if (owner) {
    found.push(
      `vars.vip.address: expected an address that no machine has as its own, got ${vip.address}, as ${owner[0]} has it`,
    )
  }
  for (const [name, { em1 }] of nodes) {
    if (em1.device !== vip.device) {
      found.push(
        `vars.vip.device: expected the card of the service LAN (hosts.${name}.vars.em1.device, \`${em1.device}\`), got \`${vip.device}\``,
      )
    } else if (!contains(networkOf(em1), vip.address)) {
      found.push(
        `vars.vip.address: expected an address in the service LAN (${networkOf(em1)}, from hosts.${name}.vars.em1), got ${vip.address}`,
      )
    }
  }
  for (const [index, address] of heartbeat.pingNodes.entries()) {
    const own = addressesOf(pair).find(
      ([key, line]) => line.address === address && isNode(pair, key),
    )
    if (own || address === vip.address) {
      found.push(
        `vars.heartbeat.pingNodes[${index}]: expected a host that is none of the nodes, such as the gateway, got ${address}, as ${own?.[0] ?? 'vars.vip.address'} has it: a node always hears itself`,
      )
    }
  }
  return found
}

const isNode = ({ hosts }: Pair, key: string) => hosts[hostIn(key) ?? '']?.vars.kind === 'node'

/** What both nodes must have alike: the files of both name these cards, and each line joins them. */
function lineProblems([first, second]: readonly (readonly [string, Node])[]): Problems {
  if (!first || !second) return []
  const found: Problems = []
  for (const key of ['em1', 'em2', 'em3'] as const) {
    const [one, other] = [first[1][key], second[1][key]]
    const at = `hosts.${second[0]}.vars.${key}`
    if (key !== 'em3' && one.device !== other.device) {
      found.push(
        `${at}.device: expected the same name of the card as on ${first[0]} (\`${one.device}\`), got \`${other.device}\`; name it alike on both, for instance by a systemd .link file`,
      )
    }
    if (networkOf(one) !== networkOf(other)) {
      found.push(
        `${at}: expected an address in the network of ${first[0]}'s ${key} (${networkOf(one)}), got ${other.address}/${other.prefix}`,
      )
    }
  }
  return found
}

/** An outlet is one machine's: else a node that powers its peer off cuts its own power too. */
function outletProblems(nodes: readonly (readonly [string, Node])[]): Problems {
  const seen = new Map<string, string>()
  return nodes.flatMap(([name, { fencing }]) =>
    (fencing?.outlets ?? []).flatMap((outlet, index) => {
      const [key, at] = [
        `${outlet} of ${fencing?.address}`,
        `hosts.${name}.vars.fencing.outlets[${index}]`,
      ]
      const before = seen.get(key)
      seen.set(key, at)
      return before ? [`${at}: expected an outlet of its own, got ${key}, as ${before} has it`] : []
    }),
  )
}

function clientProblems({ hosts, vars }: Pair): Problems {
  return Object.entries(hosts).flatMap(([name, { vars: machine }]) => {
    const { address } = machine.em1
    if (machine.kind === 'node' || contains(vars.nfs.clients, address)) return []
    return [
      `hosts.${name}.vars.em1.address: expected an address in vars.nfs.clients (${vars.nfs.clients}), who may mount the share, got ${address}`,
    ]
  })
}

/** Folders of the system: DRBD's filesystem over one of them, or over what is below, hides files that a machine needs. */
const inside =
  /^\/(bin|boot|dev|etc|lib|lib32|lib64|proc|root|run|sbin|sys|usr|var\/(lib\/(apt|chrony|dpkg|heartbeat|nfs|systemd|tandem)|log|run|lock|tmp))(\/|$)/
const itself = /^\/(tmp|var|var\/(cache|lib|spool))?$/

function pathProblems({ nfs, client, drbd }: Site): Problems {
  const found: Problems = []
  for (const [key, path] of [
    ['vars.nfs.path', nfs.path],
    ['vars.client.mountPoint', client.mountPoint],
  ] as const) {
    if (inside.test(path) || itself.test(path)) {
      found.push(
        `${key}: expected a folder of its own such as /data or /srv/data, got ${path}, which the system needs`,
      )
    }
  }
  if (drbd.stateDisk === drbd.disk) {
    found.push(
      `vars.drbd.stateDisk: expected another disk than vars.drbd.disk, got ${drbd.disk} for both`,
    )
  }
  return found
}

function otherProblems({ drbd, nfs, client }: Site): Problems {
  const found: Problems = []
  const ports = drbd.stateDisk ? [drbd.port, drbd.port + 1] : [drbd.port]
  const taken = ports.find((port) => [22, 111, 2049].includes(port) || port > 65_535)
  if (taken !== undefined) {
    found.push(
      `vars.drbd.port: expected ports that nothing else uses (${ports.join(' and ')}), got ${taken}${taken > 65_535 ? ', and ports end at 65535' : ''}`,
    )
  }
  for (const [index, option] of nfs.options.entries()) {
    const name = option.split('=')[0] ?? ''
    if (!['fsid', 'mountpoint', 'mp'].includes(name)) continue
    found.push(
      `vars.nfs.options[${index}]: expected no \`${name}\`, which Tandem sets itself, the same on both nodes, got \`${option}\``,
    )
  }
  if (nfs.options.includes('ro') && nfs.options.includes('rw')) {
    found.push('vars.nfs.options: expected `rw` or `ro`, got both')
  }
  for (const [index, option] of client.options.entries()) {
    const name = option.split('=')[0] ?? ''
    const isVersion = /^(vers|nfsvers|minorversion|v\d.*)$/.test(name)
    if (!isVersion && !['proto', 'tcp', 'udp', 'rdma', 'hard'].includes(name)) continue
    const instead = isVersion ? 'vars.client.version says it' : 'Tandem sets it itself'
    found.push(
      `vars.client.options[${index}]: expected no \`${name}\` (${instead}), got \`${option}\``,
    )
  }
  return found
}
