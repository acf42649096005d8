import { type Machine, sections } from '../../../lib/drill/index.ts'
import { manager } from '../../../roles/cluster/index.ts'
import { parseProcDrbd, unconfigured } from '../../../roles/drbd/status.ts'
import type { NodeState, PairPlan, PairState, Replica } from './state.ts'

/** Asks a node for everything at once; as few programs as can be, for they take time from clients. */
export function lookScript({ drbd, path, vip }: PairPlan): string {
  return `export PATH=/usr/sbin:/usr/bin:/sbin:/bin
echo '--- drbd'; [ ! -e /proc/drbd ] || cat /proc/drbd
echo '--- mounted'
while read -r from to _; do [ "$from $to" != '/dev/drbd${drbd.minor} ${path}' ] || echo yes; done </proc/mounts
echo '--- threads'; n=0; [ ! -e /proc/fs/nfsd/threads ] || read -r n </proc/fs/nfsd/threads; echo "$n"
echo '--- vip'; ip -o -4 addr show dev ${vip.device} to ${vip.address}/32
echo '--- programs'
for p in /proc/[0-9]*; do { read -r c <"$p/comm"; } 2>/dev/null && case $c in nfsdcld|rpc.mountd) echo "$c" ;; esac; done
echo '--- waiting'; text=; [ ! -s /run/tandem/waiting ] || read -r text </run/tandem/waiting; echo "$text"
echo '--- heartbeat'; timeout 8 ${manager.commands.held} 2>&1; :`
}

const asked = ['drbd', 'mounted', 'threads', 'vip', 'programs', 'waiting', 'heartbeat'] as const

/** Reads what the script said; throws on what it does not know. */
export function parseLook(name: string, text: string, plan: PairPlan): NodeState {
  const parts = sections(text, asked)
  const of = (part: (typeof asked)[number]) => {
    const found = parts.get(part)?.trim()
    if (found === undefined) throw new Error(`${name}: the answer lacks \`${part}\``)
    return found
  }
  const programs = new Set(of('programs').split('\n'))
  return {
    name,
    reached: true,
    replica: replicaOf(of('drbd'), plan.drbd.minor),
    heartbeat: heartbeatWord(of('heartbeat')),
    mounted: of('mounted') === 'yes',
    threads: Number.parseInt(of('threads'), 10) || 0,
    vip: of('vip') !== '',
    missing: plan.programs.filter((program) => !programs.has(program)),
    waiting: of('waiting'),
  }
}

function heartbeatWord(text: string): string {
  const word = text.split('\n').at(-1) ?? ''
  if (/^(all|local|foreign|none|transition)$/.test(word)) return word
  return /not running|cannot signon|stopped|not found|no such file/i.test(text)
    ? 'stopped'
    : 'transition'
}

/**
 * The device out of /proc/drbd; one that cannot be read counts as none. It must not hide what else was seen of a node: a
 * second server would be overlooked.
 */
export function replicaOf(text: string, minor: number): Replica {
  try {
    return parseProcDrbd(text, minor)
  } catch {
    return unconfigured
  }
}

/** A node that did not answer. */
export function unreached(name: string): NodeState {
  return {
    name,
    reached: false,
    replica: unconfigured,
    heartbeat: 'stopped',
    mounted: false,
    threads: 0,
    vip: false,
    missing: [],
    waiting: '',
  }
}

/** Looks at both nodes at once; with `arp` the client asks the wire who has the floating address. */
export async function lookAt(
  nodes: readonly Machine[],
  client: Machine,
  plan: PairPlan,
  { arp = false } = {},
): Promise<PairState> {
  const timeoutMs = 10_000 * plan.slow
  const script = lookScript(plan)
  const askedAt = Date.now()
  const one = async (node: Machine): Promise<NodeState> => {
    try {
      const { stdout } = await node.run(script, { timeoutMs })
      return parseLook(node.name, stdout, plan)
    } catch {
      return unreached(node.name)
    }
  }
  const [states, owners] = await Promise.all([
    Promise.all(nodes.map(one)),
    arp ? ownersOf(nodes, client, plan) : undefined,
  ])
  return { at: Date.now(), askedAt, nodes: states, ...(owners && { owners }) }
}

/** The cards that answered, from arping's lines, each once and in lower case. */
export function answering(text: string): string[] {
  const found = [...text.matchAll(/reply from \S+ \[([0-9A-F:]{17})\]/gi)]
  return [...new Set(found.map(([, card = '']) => card.toLowerCase()))]
}

/** Names of the nodes whose card answers for the floating address; a foreign card by its number. */
async function ownersOf(
  nodes: readonly Machine[],
  client: Machine,
  plan: PairPlan,
): Promise<string[]> {
  const { vip } = plan
  const timeoutMs = 15_000 * plan.slow
  // Broadcast each time: after a first answer arping would only ask that card again.
  const ask = `PATH=/usr/sbin:/usr/bin:/sbin:/bin arping -b -c 3 -w 3 -I ${plan.client.device} ${vip.address}`
  const said = await client.run(ask, { timeoutMs })
  if (said.exitCode === 127) throw new Error(`${client.name}: arping is not there`)
  const cards = answering(said.stdout)
  const own = await Promise.all(
    nodes.map(async (node) => {
      const file = `/sys/class/net/${vip.device}/address`
      const answer = await node.run(`cat ${file}`, { timeoutMs }).catch(() => undefined)
      return [answer?.stdout.trim() ?? '', node.name] as const
    }),
  )
  const names = new Map(own)
  return cards.map((card) => names.get(card) ?? card)
}
