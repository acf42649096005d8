import type { Inventory } from './types.ts'

/** The machines of the embedded lab: the two nodes and the client. */
export type LabMachineName = 'M1' | 'M2' | 'C1'

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
  readonly machines: Readonly<Record<LabMachineName, LabMachine>>
}

/** An inventory whose hosts are the embedded lab's: it exists once the lab runs. */
export interface EmbeddedLab<V = unknown, H = unknown> {
  readonly embeddedLab: (facts: LabFacts) => Inventory<V, H>
}

/** Marks an inventory as the embedded lab's, which a run brings up by itself. */
export function embeddedLab<V, H>(build: (facts: LabFacts) => Inventory<V, H>): EmbeddedLab<V, H> {
  return { embeddedLab: build }
}

/** Stand-ins for listing what a run would do: nothing ever connects to them. */
export const unstartedLab: LabFacts = {
  acceleration: 'tcg',
  forkMs: 60,
  machines: { M1: unstarted(), M2: unstarted(), C1: unstarted() },
}

function unstarted(): LabMachine {
  return {
    address: '127.0.0.1',
    port: 22,
    user: 'root',
    identityFile: '/nonexistent',
    knownHosts: '/nonexistent',
  }
}
