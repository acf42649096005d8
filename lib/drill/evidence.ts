import type { Environment } from './environment.ts'
import { type Machine, type Machines, must } from './machine/machine.ts'
import { type Clock, onClockOf, readClock } from './machine/machine-clock.ts'
import type { Mark } from './record/round-record.ts'
import type { Sight } from './system.ts'

/** What was noted of the machines when a round began. */
export interface Before {
  readonly mark: string
  readonly clocks: ReadonlyMap<string, Clock>
  readonly zoneMs: ReadonlyMap<string, number>
}

/** Compares all clocks and marks the kernel logs, so that a round finds its own part of them. */
export async function before(environment: Machines, mark: string): Promise<Before> {
  const machines = [...environment.nodes, environment.client]
  const clocks = await ofEach(machines, (machine) => readClock(machine, mark))
  return { mark, clocks, zoneMs: await ofEach(environment.nodes, zoneOf) }
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

/** Collects what both nodes have to say of a round. */
export async function collect<P, S extends Sight>(
  environment: Environment<P, S>,
  begun: Before,
): Promise<Evidence> {
  const { system } = environment
  const client = begun.clocks.get(environment.client.name)
  if (!client) throw new Error('the client has no clock')
  const kernel = new Map<string, string>()
  const marks: Mark[] = []
  for (const node of environment.nodes) {
    const text = await must(node, system.logScript(begun.mark), { timeoutMs: 60_000 })
    const zoneMs = begun.zoneMs.get(node.name) ?? 0
    const logs = system.readLogs(node.name, text, await sameBoot(node, begun), zoneMs)
    kernel.set(node.name, logs.kernel)
    marks.push(...logs.marks)
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
