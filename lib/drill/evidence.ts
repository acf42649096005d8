import { type Clock, onClockOf, readClock } from './clock.ts'
import { type Ground, type Machine, must } from './ground.ts'
import { heartbeatMarks, kernelMarks, type Mark, stampMarks } from './marks.ts'

/** What was noted of the machines when a round began. */
export interface Before {
  readonly mark: string
  readonly clocks: ReadonlyMap<string, Clock>
  readonly zoneMs: ReadonlyMap<string, number>
}

/** Compares all clocks and marks the kernel logs, so that a round finds its own part of them. */
export async function before(ground: Ground, mark: string): Promise<Before> {
  const machines = [...ground.nodes, ground.client]
  const clocks = await ofEach(machines, (machine) => readClock(machine, mark))
  return { mark, clocks, zoneMs: await ofEach(ground.nodes, zoneOf) }
}

/** Asks all machines at once; the answers by name. */
async function ofEach<T>(machines: readonly Machine[], ask: (machine: Machine) => Promise<T>) {
  const one = async (machine: Machine) => [machine.name, await ask(machine)] as const
  return new Map(await Promise.all(machines.map(one)))
}

/** How far a machine's local time is ahead of UTC. */
async function zoneOf(machine: Machine): Promise<number> {
  const [, sign, hours, minutes] = /([+-])(\d\d)(\d\d)/.exec(await must(machine, 'date +%z')) ?? []
  const ms = (Number(hours) * 60 + Number(minutes)) * 60_000
  return Number.isFinite(ms) ? (sign === '-' ? -ms : ms) : 0
}

/** What a round left on the nodes; marks on the client's clock, like the ledger's times. */
export interface Evidence {
  readonly marks: readonly Mark[]
  /** The kernel's lines of each node since the mark, or all where it was started since. */
  readonly kernel: ReadonlyMap<string, string>
}

const collectScript = (mark: string) => `echo '--- stamps'; cat /run/tandem/phases 2>/dev/null
echo '--- kernel'; dmesg >/run/tandem-drill.log
if grep -qF '${mark}' /run/tandem-drill.log; then sed -n '/${mark}/,$p' /run/tandem-drill.log; else cat /run/tandem-drill.log; fi
rm -f /run/tandem-drill.log
echo '--- heartbeat'; tail -n 400 /var/log/ha-log 2>/dev/null; :`

/** Collects what both nodes have to say of a round. */
export async function collect(ground: Ground, begun: Before): Promise<Evidence> {
  const client = begun.clocks.get(ground.client.name)
  if (!client) throw new Error('the client has no clock')
  const kernel = new Map<string, string>()
  const marks: Mark[] = []
  for (const node of ground.nodes) {
    const text = await must(node, collectScript(begun.mark), { timeoutMs: 60_000 })
    const part = (name: string) =>
      text.split(`--- ${name}\n`)[1]?.split(/^--- (?:stamps|kernel|heartbeat)$/m)[0] ?? ''
    kernel.set(node.name, part('kernel'))
    const clock = await sameBoot(node, begun)
    const stamps = stampMarks(node.name, part('stamps'), clock)
    const told = kernelMarks(node.name, part('kernel'), clock)
    const zone = begun.zoneMs.get(node.name) ?? 0
    const logged = heartbeatMarks(node.name, part('heartbeat'), clock, zone)
    marks.push(...finest(finest(stamps, told), logged))
  }
  const moved = marks.map((mark) => ({ ...mark, at: onClockOf(client, mark.at) }))
  return { marks: moved.sort((a, b) => a.at - b.at), kernel }
}

/** A machine that was started since has another uptime than when the round began. */
async function sameBoot(node: Machine, begun: Before): Promise<Clock> {
  const now = await readClock(node)
  const then = begun.clocks.get(node.name)
  const same = then && Math.abs(then.bootedAt - now.bootedAt) < 2_000
  return same ? then : now
}

/** The finer source's marks, and the coarser's of events that the finer never tells. */
export function finest(fine: readonly Mark[], coarse: readonly Mark[]): Mark[] {
  const told = new Set(fine.map(({ event }) => event))
  return [...fine, ...coarse.filter(({ event }) => !told.has(event))]
}
