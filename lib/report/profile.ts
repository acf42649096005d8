import { hundredths } from '../core/clock.ts'
import type { Event, Phase, TaskRef } from '../engine/events.ts'

/** Where a task's time went, in milliseconds; `wait` is before it, for others, or for its turn. */
export type Parts = Record<Phase, number>

/** One task of one host. */
export interface TaskTimes extends Parts {
  readonly host: string
  readonly task: string
  readonly role: string
  readonly title: string
}

/** One host; its parts, `connect` and `rest` add up to the run's `hosts`. */
export interface HostTimes extends Parts {
  readonly host: string
  readonly connect: number
  /** After its last task: others were not done yet. */
  rest: number
}

/** Where a run's time went: `ms.total` is `startUp`, `hosts` and `closing`. */
export interface ProfileTimes {
  readonly at: number
  readonly ms: {
    readonly total: number
    /** From the start of the process to the first event: loading modules, planning, the lab. */
    readonly startUp: number
    readonly hosts: number
    /** From the last a host did to the end. */
    readonly closing: number
  }
  readonly hosts: readonly HostTimes[]
  readonly tasks: readonly TaskTimes[]
}

/** What the host itself did: everything but waiting. */
export const busy = (parts: Parts & { readonly connect?: number }): number =>
  (parts.connect ?? 0) + parts.check + parts.apply + parts.recheck

/** One host's time: every moment up to `mark` belongs to one part. */
class HostClock {
  connected = false
  connect = 0
  /** Waited before it was connected to: its turn among the forks. */
  before = 0
  open: { readonly task: TaskTimes; readonly phase: Phase } | undefined
  #mark: number

  constructor(at: number) {
    this.#mark = at
  }

  /** The time since the last call, to be booked somewhere. */
  take(at: number): number {
    const ms = at - this.#mark
    this.#mark = at
    return ms
  }

  /** Books the time of the task that is open; its next phase, or none, begins. */
  turn(at: number, next: HostClock['open']): void {
    const { open } = this
    if (open) open.task[open.phase] += this.take(at)
    else if (next) next.task.wait += this.take(at)
    this.open = next
  }
}

/**
 * Measures a run by its events. Checks are asked all at once and answered in order, so a task's check is what it
 * added: from the end of the task before it to its own answer.
 */
export class Profile {
  readonly #processStart: number | undefined
  readonly #hosts = new Map<string, HostClock>()
  readonly #refs = new Map<string, TaskRef>()
  readonly #tasks = new Map<string, TaskTimes>()
  #began: number | undefined
  /** When a host last did something. */
  #active = 0
  #ended = 0

  /** `processStart` is in milliseconds since the epoch; left out, start-up counts nothing. */
  constructor(processStart?: number) {
    this.#processStart = processStart
  }

  add(event: Event): void {
    this.#ended = event.at
    if (event.type === 'run-start') {
      this.#began = event.at
      this.#active = event.at
      for (const host of event.hosts) this.#hosts.set(host, new HostClock(event.at))
    } else if (event.type === 'play-start') {
      for (const { tasks } of event.hosts) for (const task of tasks) this.#refs.set(task.id, task)
    } else if ('host' in event && event.type !== 'notice') {
      this.#active = event.at
      const clock = this.#hosts.get(event.host)
      if (clock) this.#host(clock, event)
    }
  }

  #host(clock: HostClock, event: Event): void {
    if (event.type === 'task-start') {
      clock.turn(event.at, { task: this.#task(event.host, event.task), phase: event.phase })
    } else if (event.type === 'task-end') {
      if (clock.open?.task.task === event.task) clock.turn(event.at, undefined)
    } else if (event.type === 'host-connected' || event.type === 'host-unreachable') {
      // A connection made or lost in the middle of the work belongs to the task that needed it.
      if (clock.connected || clock.open) return
      const ms = clock.take(event.at)
      // One that failed does not say since when it was tried.
      const connect = event.type === 'host-connected' ? Math.min(event.ms, ms) : ms
      clock.connected = event.type === 'host-connected'
      clock.connect += connect
      clock.before += ms - connect
    }
  }

  #task(host: string, id: string): TaskTimes {
    let task = this.#tasks.get(id)
    if (!task) {
      const { role = '', title = id } = this.#refs.get(id) ?? {}
      task = { host, task: id, role, title, check: 0, wait: 0, apply: 0, recheck: 0 }
      this.#tasks.set(id, task)
    }
    return task
  }

  /** The sums so far; a task that never ended was at work until the last event. */
  times(): ProfileTimes {
    const at = this.#ended
    const began = this.#began ?? at
    for (const clock of this.#hosts.values()) {
      if (!clock.open) continue
      clock.turn(at, undefined)
      this.#active = at
    }
    const hosts = this.#active - began
    const sums = new Map<string, HostTimes>()
    for (const [host, { connect, before }] of this.#hosts) {
      const rest = hosts - connect - before
      sums.set(host, { host, connect, check: 0, apply: 0, recheck: 0, wait: before, rest })
    }
    for (const task of this.#tasks.values()) {
      const sum = sums.get(task.host)
      if (!sum) continue
      for (const phase of ['check', 'apply', 'recheck', 'wait'] as const) {
        sum[phase] += task[phase]
        sum.rest -= task[phase]
      }
    }
    const startUp = Math.max(0, began - (this.#processStart ?? began))
    return {
      at,
      ms: rounded({ total: startUp + at - began, startUp, hosts, closing: at - this.#active }),
      hosts: [...sums.values()].map(rounded),
      tasks: [...this.#tasks.values()].map(rounded),
    }
  }
}

/** The same with its numbers to 0.01. */
function rounded<T extends object>(parts: T): T {
  const entries = Object.entries(parts).map(([key, value]) => [
    key,
    typeof value === 'number' ? hundredths(value) : value,
  ])
  return Object.fromEntries(entries)
}
