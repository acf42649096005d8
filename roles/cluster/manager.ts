import type { Site } from '../../inventory/schema.ts'
import type { CheckHost, Task } from '../../lib/index.ts'

/**
 * What a node holds of the service: `stopped` where the manager does not run, `transition` while it takes or gives
 * something; the other words are for people, and for `isActive`.
 */
export type Holding = 'all' | 'local' | 'foreign' | 'none' | 'transition' | 'stopped'

/** What decides which of two nodes serves: all that the other roles, the scripts and the drills know of it. */
export interface ClusterManager {
  /** What messages call it. */
  readonly name: string
  /** Its systemd unit. */
  readonly unit: string
  /** Where it logs. */
  readonly log: string
  /** Commands of one line, for scripts, which give each a time limit, and for people. */
  readonly commands: {
    /** Prints what this node holds, in the words of `Holding`. */
    readonly held: string
    /** Prints `active` or `up` of a node that is heard, else `dead`; `node` is a name or a shell's variable. */
    peer(node: string): string
    /** Prints `up` or `dead` of the line to a node over a card. */
    line(node: string, device: string): string
    /** Gives the service to the other node. It prints nothing, so look at what the nodes hold to see whether it worked. */
    readonly standBy: string
    /** Takes the service from the other node; it says nothing either. */
    readonly takeOver: string
  }
  /** Files that it reads only when it starts. */
  readonly files: readonly string[]
  /** Tells it what to start, and in which order. */
  starts(preferred: string, resources: readonly string[]): Task
  /** Asks what a node holds. */
  holding(host: CheckHost): Promise<Holding>
  /** Whether a node that holds this serves. */
  isActive(state: Holding, host: string, preferred: string): boolean
  /** Whether it has settled on a node. */
  isSettled(state: Holding): boolean
  /** State of one line to a node: `up`, `dead`, or its own words. */
  line(host: CheckHost, node: string, device: string): Promise<string>
  /** How long to wait for a reaction before a command is given again, in milliseconds. */
  hearsMs(site: Site): number
  /** How long it may take to settle after it was started on both nodes, in milliseconds. */
  settlesMs(site: Site): number
}
