import type { Machine } from './machine/machine.ts'
import type { Sight, System } from './system.ts'

/** What an environment may be able to do that a login alone cannot. */
export const abilities = ['power', 'freeze', 'cables', 'disk', 'spare'] as const
export type Ability = (typeof abilities)[number]

/** Why a drill that needs an ability is skipped where it is missing. */
export const without: Readonly<Record<Ability, string>> = {
  power: 'it takes the power from a machine, which only the lab can',
  freeze: 'it freezes a machine, which only the lab can',
  cables: 'it cuts cables or silences the gateway, which only the lab can',
  disk: 'it makes a disk fail, which only the lab may do',
  spare: 'it fills a disk or reboots a machine, which only the lab may',
}

/** How a playbook of ours ended. */
export interface Played {
  readonly code: number
  readonly text: string
}

/** Where drills take place: the embedded lab, or real machines over SSH. */
export interface Environment<P = unknown, S extends Sight = Sight> {
  /** What drills know of the system from its inventory. */
  readonly plan: P
  readonly system: System<S>
  readonly can: ReadonlySet<Ability>
  readonly nodes: readonly Machine[]
  readonly client: Machine
  look(options?: { arp?: boolean }): Promise<S>
  powerOff(name: string): Promise<void>
  /** Resolves once the machine has started. */
  powerOn(name: string): Promise<void>
  /** Stops a machine's processor: it says nothing more and forgets nothing. */
  freeze(name: string): Promise<void>
  /** Lets a frozen machine go on; one that was turned off meanwhile stays off. */
  thaw(name: string): Promise<void>
  cut(link: string): Promise<void>
  heal(link: string): Promise<void>
  /** Runs a playbook as `npm run play WORDS` would, with the hosts' lock given back for it. */
  play(words: readonly string[]): Promise<Played>
  /** Puts everything back to how `site` left it, whatever was broken; only the lab can. */
  restore(): Promise<void>
  /** Takes the lock of every host that it does not hold yet. */
  lock(): Promise<void>
  close(): Promise<void>
}
