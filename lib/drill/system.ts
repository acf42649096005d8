import type { Machine, Machines } from './machine/machine.ts'
import type { Clock } from './machine/machine-clock.ts'
import type { Mark, Operation, Phases } from './record/round-record.ts'

/** What was seen of the nodes at one moment, on the controller's clock. */
export interface Sight {
  /** When all had been answered. */
  readonly at: number
  /** When it was asked: what happened in between may be seen or not. */
  readonly askedAt: number
}

/** What the phases of one move are made of; all times on one clock. */
export interface Samples {
  /** When the fault was injected, or the move was asked for. */
  readonly fault: number
  readonly from: string
  /** The node that serves in the end: another than `from`, or the same where it only held its writes. */
  readonly to: string
  readonly marks: readonly Mark[]
  readonly operations: readonly Operation[]
}

/** A part of the service as a lane of the timeline: whether a node has it, and the marks of its begin and end. */
export interface Part<S extends Sight> {
  readonly title: string
  has(sight: S, node: string): boolean
  readonly on: string
  readonly off: string
}

/** The system under test: all that a round has to know of it, and of what its machines say. */
export interface System<S extends Sight = Sight> {
  /** What is tested, as rows and reports name it. */
  readonly recipe: string
  readonly nodes: readonly [string, string]
  readonly client: string
  /** How much longer than real machines these may take. */
  readonly slow: number
  /** What figures depend on, for a report. */
  readonly facts: Readonly<Record<string, string>>
  /** It returns the service to one node by itself, so nobody can say where a round begins or ends. */
  readonly movesBack: boolean
  /** How long it may take to be whole again, in milliseconds. */
  readonly wholeLimitMs: number
  /** How long a move of the service that was asked for may take to settle, in milliseconds. */
  readonly moveLimitMs: number
  /** The words of the playbook that moves the service to the other node. */
  readonly move: readonly string[]
  /** Ends whatever of the service a node has, and lets nothing start it again. */
  readonly stop: string
  /** What is to be looked at after a drill that did not pass. */
  readonly whereToLook: string
  /** Where the writers' files are, as the client sees them and as the node that serves does. */
  readonly folders: { readonly client: string; readonly node: string }
  /** Prints `UPTIME BYTES` again and again: what a node has written for clients; and what counts them. */
  readonly counter: { readonly script: string; readonly name: string }
  /** Looks at both nodes at once; with `arp` also at who answers for the service on the wire. */
  look(nodes: readonly Machine[], client: Machine, options?: { readonly arp?: boolean }): Promise<S>
  /** What must never be, not for a moment: a sentence each. */
  unsafe(sight: S): string[]
  /** What keeps it from being whole, where one node may be lost without losing anything: a sentence each. */
  notWhole(sight: S): string[]
  /** The node that serves, if exactly one does. */
  serving(sight: S): string | undefined
  /** Nodes that have any part of the service. */
  holders(sight: S): readonly string[]
  /** Nodes that must be stopped so that at most one can serve. */
  superfluous(sight: S): readonly string[]
  /** One node serves, and nothing is under way: all that can be hoped for of a spoilt one. */
  isCalm(sight: S): boolean
  /** Whether clients are led to another node than this one. */
  hasLeft(sight: S, node: string): boolean
  /** What was seen, for messages. */
  text(sight: S): string
  /** Prints what a node's logs say since `mark` stands in its kernel's. */
  logScript(mark: string): string
  /** Reads that: what happened and when, and the kernel's lines; `zoneMs` is how far local time is ahead of UTC. */
  readLogs(node: string, text: string, clock: Clock, zoneMs: number): NodeLogs
  /** Where the time of a stall may go, in order. */
  readonly phases: readonly string[]
  /** Where the time of a stall went; a phase that left no trace is left out, its time in the next. */
  phasesOf(samples: Samples): Phases
  readonly parts: readonly Part<S>[]
  /** Marks that a timeline names, as text; undefined for others. */
  noteOf(mark: Mark): string | undefined
  /** Compares what both nodes have stored; a sentence for what differs. */
  compare(
    machines: Machines,
    serving: string,
    pause: (ms: number) => Promise<void>,
  ): Promise<string[]>
  /** Whether the other node could use what it has stored; a sentence for what is wrong. */
  checkStandby(machines: Machines, serving: string): Promise<string[]>
}

/** What one node's logs say of a round; `marks` on the controller's clock. */
export interface NodeLogs {
  readonly marks: readonly Mark[]
  readonly kernel: string
}
