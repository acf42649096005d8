import type { Target } from '../../lib/engine/apply.ts'
import type { PlannedTask } from '../../lib/engine/plan.ts'
import { watch } from '../../lib/engine/target.ts'
import {
  type CheckHost,
  change,
  type Host,
  type Output,
  type Question,
  type Task,
} from '../../lib/index.ts'

/** A deterministic source of numbers, so that a failing case can be run again by its seed. */
export function random(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}

/** A host reduced to named numbers; questions are answered in the order asked, like in one shell. */
export class Machine {
  readonly state = new Map<string, number>()
  readonly applied: string[] = []
  asked = 0
  #queue: Promise<unknown> = Promise.resolve()
  readonly #next: () => number

  constructor(seed: number) {
    this.#next = random(seed)
  }

  get(name: string): number {
    return this.state.get(name) ?? 0
  }

  /** Answers after a random number of turns, in the order asked; sees the state of that moment. */
  ask(name: string): Promise<number> {
    this.asked++
    const answer = this.#queue.then(async () => {
      await this.#latency()
      return this.get(name)
    })
    this.#queue = answer
    return answer
  }

  /** Now and then longer than what runs on this side. */
  async #latency(): Promise<void> {
    for (let turns = this.#next() * 4; turns > 0; turns--) {
      await (turns < 0.5 ? new Promise((resolve) => setImmediate(resolve)) : Promise.resolve())
    }
  }

  checkHost(thrownAway: AbortSignal): CheckHost {
    const $ = (pieces: TemplateStringsArray): Question => {
      const answer = (async (): Promise<Output> => {
        if (thrownAway.aborted) throw new Error('thrown away')
        return { stdout: String(await this.ask(pieces[0] ?? '')), stderr: '', exitCode: 0 }
      })()
      return answer as Question
    }
    return { name: 'machine', platform: 'debian12', $, peer: () => this.checkHost(thrownAway) }
  }

  /** Changes the state at once, past the shell. */
  set(changes: Changes): void {
    for (const [name, value] of changes) this.state.set(name, value)
  }

  /** Changes it when all that was asked before has been answered. */
  quickly(changes: Changes): Promise<void> {
    const done = this.#queue.then(async () => {
      await this.#latency()
      this.set(changes)
    })
    this.#queue = done
    return done
  }

  site(): Target {
    return {
      name: 'machine',
      look: (thrownAway) => this.checkHost(thrownAway),
      exclusively: (work) => work(),
      apply: async (work, _planned, sent) => {
        let over = false
        const host: ModelHost = {
          applied: this.applied,
          state: this.state,
          set: (changes) => {
            sent.other++
            this.set(changes)
          },
          quickly: (changes) => {
            const done = this.quickly(changes)
            watch(done, sent, () => over)
            return done
          },
        }
        await work(host as unknown as Host)
        over = true
      },
    }
  }
}

type Changes = readonly (readonly [name: string, value: number])[]

/** What apply halves see of a machine. */
type ModelHost = Pick<Machine, 'applied' | 'state' | 'set' | 'quickly'>

const names = ['a', 'b', 'c', 'd', 'e']

/** A task list in which tasks read and write the same few numbers, some ask twice, some fail. */
export function randomTasks(seed: number): Task[] {
  const next = random(seed)
  const pick = <T>(from: readonly T[]): T => from[Math.floor(next() * from.length)] as T
  return Array.from({ length: 1 + Math.floor(next() * 14) }, (_, index): Task => {
    const target = pick(names)
    const basis = pick(names)
    const wanted = Math.floor(next() * 4)
    const asksTwice = next() < 0.4
    const failsAt = next() < 0.15 ? Math.floor(next() * 4) : undefined
    const spoils = next() < 0.2 ? pick(names) : undefined
    const broken = next() < 0.05
    const way = pick(['direct', 'quick', 'quick', 'twice', 'late'] as const)
    return {
      title: `task ${index}`,
      check: async (host) => {
        const one = Number((await askNamed(host, target)).stdout)
        // A second question depends on the first answer, as `cat` of a file whose hash differs does.
        const two = asksTwice ? Number((await askNamed(host, basis)).stdout) : 0
        if (failsAt !== undefined && one === failsAt) throw new Error(`cannot tell at ${one}`)
        const goal = (wanted + two) % 5
        if (asksTwice && target === basis) return undefined
        return one === goal ? undefined : change(`${target}: ${one} to ${goal}`)
      },
      apply: async (host, found) => {
        const machine = host as unknown as ModelHost
        machine.applied.push(`task ${index}: ${found.summary}`)
        if (broken) return
        const mine = [target, Number(found.summary.split(' to ')[1])] as const
        const theirs = () =>
          spoils && spoils !== target
            ? [[spoils, (machine.state.get(spoils) ?? 0) + 1] as const]
            : []
        if (way === 'direct') return machine.set([mine, ...theirs()])
        if (way === 'quick') return machine.quickly([mine, ...theirs()])
        await machine.quickly([mine])
        if (way === 'twice') return machine.quickly(theirs())
        // Something that goes on by itself for a while after its command has ended.
        await new Promise((resolve) => setTimeout(resolve, 1))
        for (const [name, value] of theirs()) machine.state.set(name, value)
      },
    }
  })
}

function askNamed(host: CheckHost, name: string): Question {
  return host.$(Object.assign([name], { raw: [name] }) as unknown as TemplateStringsArray)
}

/** Puts tasks in their places, none skipped, all in one segment. */
export function planned(tasks: readonly Task[]): PlannedTask[] {
  return tasks.map((task, index) => ({
    id: String(index),
    title: task.title,
    role: 'model',
    tags: [],
    task,
    segment: 0,
    skip: false,
  }))
}

/** What the engine must be equal to: one check, one apply, one check again, task after task. */
export async function naive(tasks: readonly Task[], machine: Machine): Promise<string[]> {
  const ends: string[] = []
  const never = new AbortController().signal
  for (const task of tasks) {
    try {
      const found = await task.check(machine.checkHost(never))
      if (!found) {
        ends.push(`${task.title} ok`)
        continue
      }
      await task.apply(machine as unknown as Host, found)
      const left = await task.check(machine.checkHost(never))
      if (left)
        throw new Error(`the host is still not as it should be after the change: ${left.summary}`)
      ends.push(`${task.title} changed ${found.summary}`)
    } catch (error) {
      ends.push(`${task.title} failed ${(error as Error).message}`)
      break
    }
  }
  return ends
}
