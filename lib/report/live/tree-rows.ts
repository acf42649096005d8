import type { Event, Phase, Status, TaskRef } from '../../engine/events.ts'

type Ended = Extract<Event, { type: 'task-end' }>

/** One task of one host, as far as it has come. */
export interface TaskRow {
  readonly id: string
  readonly name: string
  phase: Phase | 'waiting'
  progress?: { readonly text: string; readonly fraction?: number }
  ended?: Ended
}

/** One host within a play. */
export class HostRow {
  readonly host: string
  readonly tasks: readonly TaskRow[]
  /** Resolves when its last task ends, or when the play ends without it. */
  readonly done: Promise<void>
  readonly counts: Partial<Record<Status, number>> = {}
  /** What is worth a line: everything but ok and skipped. */
  readonly notable: TaskRow[] = []
  unreachable = false
  ms = 0
  /** The task it is at; none while it waits for other hosts. */
  current: TaskRow | undefined
  /** Settles `done`: nothing more will come. */
  close: () => void = () => {}
  #began: number | undefined

  constructor(host: string, refs: readonly TaskRef[]) {
    this.host = host
    this.done = new Promise((resolve) => {
      this.close = resolve
    })
    this.tasks = refs.map(({ id, role, title }) => ({
      id,
      name: `${role}: ${title}`,
      phase: 'waiting',
    }))
  }

  get ended(): number {
    return Object.values(this.counts).reduce((sum, count) => sum + count, 0)
  }

  get failed(): boolean {
    return this.unreachable || Boolean(this.counts.failed || this.counts.refused)
  }

  /** The task it is at, or comes to next. */
  get next(): TaskRow | undefined {
    return this.current ?? this.tasks.find(({ ended }) => !ended)
  }

  /** The task that failed it, where one did. */
  get failure(): TaskRow | undefined {
    const bad = (status?: Status) => status === 'failed' || status === 'refused'
    return this.notable.find(({ ended }) => bad(ended?.status))
  }

  /** `waiting` for other hosts, or for its turn. */
  get doing(): 'failed' | 'done' | 'changing' | 'checking' | 'waiting' {
    if (this.failed) return 'failed'
    if (this.ended === this.tasks.length) return 'done'
    const phase = this.current?.phase
    if (phase === 'apply' || phase === 'recheck') return 'changing'
    return phase === 'check' ? 'checking' : 'waiting'
  }

  start(task: TaskRow, at: number, phase: Phase): void {
    this.#began ??= at
    this.current = task
    task.phase = phase
  }

  end(task: TaskRow, event: Ended): void {
    this.#began ??= event.at
    task.ended ??= event
    if (this.current === task) this.current = undefined
    this.counts[event.status] = (this.counts[event.status] ?? 0) + 1
    if (event.status !== 'ok' && event.status !== 'skipped') this.notable.push(task)
    this.ms = event.at - this.#began
    if (this.ended === this.tasks.length) this.close()
  }
}

/** One play with its hosts. */
export class PlayRow {
  readonly title: string
  readonly hosts: readonly HostRow[]
  readonly #tasks = new Map<string, TaskRow>()
  readonly #hosts = new Map<string, HostRow>()

  constructor(event: Extract<Event, { type: 'play-start' }>) {
    this.title = event.title
    this.hosts = event.hosts.map(({ host, tasks }) => new HostRow(host, tasks))
    for (const host of this.hosts) {
      this.#hosts.set(host.host, host)
      for (const task of host.tasks) this.#tasks.set(task.id, task)
    }
  }

  /** Takes in what happened to a task or a host of this play. */
  add(event: Event): void {
    if (event.type === 'host-unreachable') {
      const host = this.#hosts.get(event.host)
      if (host) host.unreachable = true
      return
    }
    if (!('task' in event)) return
    const host = this.#hosts.get(event.host)
    const task = this.#tasks.get(event.task)
    if (!host || !task) return
    if (event.type === 'task-start') host.start(task, event.at, event.phase)
    else if (event.type === 'task-progress') task.progress = event
    else host.end(task, event)
  }

  /** Settles what the run did not come to, so that nobody waits for it. */
  close(): void {
    for (const host of this.hosts) host.close()
  }
}
