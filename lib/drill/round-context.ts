import { setTimeout as sleep } from 'node:timers/promises'
import { Interrupted, sentence } from '../core/errors.ts'
import { type PollOptions, poll } from '../core/poll.ts'
import type { Environment, Played } from './environment.ts'
import { type Machine, machineOf } from './machine/machine.ts'
import type { Sight } from './system.ts'
import type { Workload } from './workload.ts'

/** What one round may ask of its environment, and what it has to say. */
export interface RoundContext<P = unknown, S extends Sight = Sight> {
  readonly environment: Environment<P, S>
  /** The node that served when the round began, and the other. */
  readonly active: string
  readonly standby: string
  /** The writers on the client. */
  readonly workload: Workload
  machine(name: string): Machine
  say(text: string): void
  /** Names what broke a pass mark; the round goes on so that everything is healed. */
  wrong(text: string): void
  /** Does `act` as the fault of this round: what stalls are measured from; `again` if the last one failed. */
  fault(text: string, act: () => Promise<unknown>, again?: boolean): Promise<void>
  /** Registers how to undo something; before it is done, so that an interrupt finds it. */
  undo(text: string, act: () => Promise<unknown>): void
  /** Undoes everything that is registered, last first; safe to call again. */
  heal(): Promise<void>
  /** Looks until `done` says true; else its text says what is waited for. */
  until(what: string, limitMs: number, done: (state: S) => boolean): Promise<S>
  /** Looks until `done` says true; gives false, and no problem, where it never does. */
  comesTrue(limitMs: number, done: (state: S) => boolean): Promise<boolean>
  /** Watches for a while that `node` goes on serving. */
  keepsServing(node: string, ms: number): Promise<void>
  pause(ms: number): Promise<void>
  /** Asks until there is an answer, or time is up; an interrupt of the run ends it. */
  poll<T>(
    ask: () => Promise<T | undefined>,
    options: Pick<PollOptions, 'everyMs' | 'limitMs'>,
  ): Promise<T | undefined>
  /** Lets so much time pass to the moment, and looks all the while: no look may find two that serve. */
  watch(ms: number): Promise<void>
  play(words: readonly string[]): Promise<Played>
}

/** What happened in a round, for its record. */
export interface RoundRecord<S extends Sight = Sight> {
  faultAt: number | undefined
  readonly problems: string[]
  readonly looks: S[]
  readonly marks: { at: number; text: string }[]
}

/** How a round is set up. */
export interface RoundContextOptions<P, S extends Sight> {
  readonly environment: Environment<P, S>
  readonly active: string
  readonly standby: string
  readonly workload: Workload
  readonly say: (text: string) => void
  readonly signal: AbortSignal
  /** Two nodes that serve at once end the round, unless the drill is about just that. */
  readonly mayBeUnsafe?: boolean
  readonly everyMs?: number
}

/** What a drill is given, and the record that the round makes of it. */
export function roundContext<P, S extends Sight>(
  options: RoundContextOptions<P, S>,
): { context: RoundContext<P, S>; record: RoundRecord<S> } {
  const { environment, say, signal, everyMs = 1_500 } = options
  const { system } = environment
  const record: RoundRecord<S> = { faultAt: undefined, problems: [], looks: [], marks: [] }
  const undos: { text: string; act: () => Promise<unknown> }[] = []
  const note = (text: string) => record.marks.push({ at: Date.now(), text })
  const wrong = (text: string) => {
    if (record.problems.includes(text)) return
    record.problems.push(text)
    say(`NOT PASSED: ${text}`)
  }
  const look = async () => {
    const state = await environment.look()
    record.looks.push(state)
    if (!options.mayBeUnsafe) for (const text of system.unsafe(state)) wrong(text)
    return state
  }
  const pause = (ms: number) => waitFor(ms, signal)
  const comesTrue: RoundContext<P, S>['comesTrue'] = async (limitMs, done) => {
    const seen = async () => (done(await look()) ? true : undefined)
    return (await poll(seen, { everyMs, limitMs, signal })) ?? false
  }
  const context: RoundContext<P, S> = {
    environment,
    active: options.active,
    standby: options.standby,
    workload: options.workload,
    machine: (name) => machineOf(environment, name),
    say,
    wrong,
    fault: async (text, act, again = false) => {
      alive(signal)
      say(text)
      note(`fault: ${text}`)
      if (again) record.faultAt = undefined
      record.faultAt ??= Date.now()
      await act()
    },
    undo: (text, act) => undos.push({ text, act }),
    heal: async () => {
      for (let one = undos.pop(); one; one = undos.pop()) {
        say(one.text)
        note(one.text)
        try {
          await one.act()
        } catch (error) {
          wrong(`could not be undone (${one.text}): ${sentence(error)}`)
        }
      }
    },
    until: async (what, limitMs, done) => {
      const began = Date.now()
      const seen = async () => {
        const state = await look()
        return done(state) ? state : undefined
      }
      const state = await poll(seen, { everyMs, limitMs, signal, what })
      if (state) {
        say(`${what}  (${((state.at - began) / 1000).toFixed(1)} s)`)
        return state
      }
      const last = record.looks.at(-1)
      const seenLast = last ? `; last seen ${system.text(last)}` : ''
      wrong(`${what}: not within ${Math.round(limitMs / 1000)} s${seenLast}`)
      throw new Breach(record.problems.at(-1) ?? what)
    },
    comesTrue,
    keepsServing: async (node, ms) => {
      const left = await poll(
        async () => {
          const state = await look()
          return system.hasLeft(state, node) ? state : undefined
        },
        { everyMs, limitMs: ms, signal },
      )
      if (!left) return
      wrong(`the service left ${node}: ${system.text(left)}`)
      throw new Breach(`the service left ${node}`)
    },
    pause,
    poll: (ask, limits) => poll(ask, { ...limits, signal }),
    watch: async (ms) => {
      // A node that does not answer holds up a look, which then must not hold up the drill.
      const looking = comesTrue(ms, () => false)
      await Promise.race([pause(ms), looking.then(() => new Promise<never>(() => {}))])
    },
    play: async (words) => {
      say(`npm run play ${words.join(' ')}`)
      const played = await environment.play(words)
      say(`npm run play ${words[0]} ended with exit code ${played.code}`)
      return played
    },
  }
  return { context, record }
}

/** Ends a round whose pass mark is broken beyond going on. */
export class Breach extends Error {
  override readonly name = 'Breach'
}

/** Throws Interrupted once the run is. */
export function alive(signal: AbortSignal): void {
  if (signal.aborted) throw new Interrupted('interrupted')
}

/** Waits; rejects with Interrupted when the run is. */
export async function waitFor(ms: number, signal: AbortSignal): Promise<void> {
  await sleep(ms, undefined, { signal }).catch(() => alive(signal))
}
