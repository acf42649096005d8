import type { Output } from '../task.ts'
import type { PairPlan, PairState } from './pair.ts'

/** A machine that a drill can ask and order about. */
export interface Machine {
  readonly name: string
  /** Runs text of `/bin/sh` as root; resolves whatever the exit code, rejects where there is no answer. */
  run(script: string, options?: RunOptions): Promise<Output>
  /**
   * Runs a script on a connection of its own and gives each line as it arrives; settles when the script
   * ends, the connection is lost, or the signal is aborted.
   */
  stream(script: string, onLine: (line: string) => void, signal: AbortSignal): Promise<void>
}

/** What may go with a script. */
export interface RunOptions {
  readonly stdin?: string
  readonly timeoutMs?: number
}

/** What a ground may be able to do that a login alone cannot. */
export const abilities = ['power', 'freeze', 'cables', 'disk', 'spare'] as const
export type Ability = (typeof abilities)[number]

/** Why a drill that needs an ability is skipped where it is missing. */
export const without: Readonly<Record<Ability, string>> = {
  power: 'it takes the power from a machine, which only the lab can',
  freeze: 'it freezes a machine, which only the lab can',
  cables: 'it cuts cables or silences the gateway, which only the lab can',
  disk: 'it puts errors under the replicated disk, which only the lab may',
  spare: 'it fills, marks or reboots what others may need; only the lab is spare',
}

/** How a playbook of ours ended. */
export interface Played {
  readonly code: number
  readonly text: string
}

/** Where drills take place: the embedded lab, or real machines over SSH. */
export interface Ground {
  readonly plan: PairPlan
  readonly can: ReadonlySet<Ability>
  readonly nodes: readonly Machine[]
  readonly client: Machine
  look(options?: { arp?: boolean }): Promise<PairState>
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

/** The machine of that name. */
export function machineOf(ground: Ground, name: string): Machine {
  const found = [...ground.nodes, ground.client].find((machine) => machine.name === name)
  if (!found) throw new Error(`There is no machine ${name}`)
  return found
}

/** Runs a script that must succeed; throws a sentence with what it said last. */
export async function must(
  machine: Machine,
  script: string,
  options: RunOptions = {},
): Promise<string> {
  const path = 'export PATH=/usr/sbin:/usr/bin:/sbin:/bin\n'
  const { stdout, stderr, exitCode } = await machine.run(path + script, options)
  if (exitCode === 0) return stdout
  const last = (stderr.trim() || stdout.trim()).split('\n').at(-1) ?? ''
  const first = script.trim().split('\n')[0] ?? ''
  throw new Error(`${machine.name}: \`${first}\` failed (exit code ${exitCode}): ${last}`)
}
