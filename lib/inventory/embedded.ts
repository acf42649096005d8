import { UsageError } from '../core/errors.ts'
import type { Inventory } from './types.ts'

/** How to reach one machine of the lab. */
export interface LabMachine {
  readonly address: string
  readonly port: number
  readonly user: string
  readonly identityFile: string
  readonly knownHosts: string
}

/** What only the running lab can tell its inventory. */
export interface LabFacts {
  /** How the machines' processors run: the host's own, or emulated. */
  readonly acceleration: 'kvm' | 'tcg'
  /** What starting one process takes in a machine, in milliseconds: time-outs are multiples of it. */
  readonly forkMs: number
  /** By name. */
  readonly machines: Readonly<Record<string, LabMachine>>
}

/** An inventory whose hosts are the embedded lab's: it exists once the lab runs. */
export interface EmbeddedLab<V = unknown, H = unknown> {
  readonly embeddedLab: (facts: LabFacts) => Inventory<V, H>
}

/** Marks an inventory as the embedded lab's, which a run brings up by itself. */
export function embeddedLab<V, H>(build: (facts: LabFacts) => Inventory<V, H>): EmbeddedLab<V, H> {
  return { embeddedLab: build }
}

/** How to log in to a machine of the lab; throws a UsageError where the lab has none of that name. */
export function labMachine({ machines }: LabFacts, name: string): LabMachine {
  const found = machines[name]
  if (found) return found
  throw new UsageError(
    `expected a machine of the lab (${Object.keys(machines).join(', ')}), got ${name}`,
  )
}

const ports = new Map<PropertyKey, number>()

/** Stand-ins for listing what a run would do: nothing ever connects to them. */
export const unstartedLab: LabFacts = {
  acceleration: 'tcg',
  forkMs: 60,
  // Whatever the machines are called; each has a port of its own, as in a real lab.
  machines: new Proxy(
    {},
    {
      get: (_, name): LabMachine => {
        const port = ports.get(name) ?? ports.size + 1
        ports.set(name, port)
        const address = '127.0.0.1'
        return { address, port, user: 'root', identityFile: '/none', knownHosts: '/none' }
      },
    },
  ),
}
