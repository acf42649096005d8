import type { Change } from '../core/task.ts'

/** How a task ended on a host; `would-change` and `unknown` only in check mode. */
export type Status =
  | 'ok'
  | 'changed'
  | 'would-change'
  /** Check mode: cannot be told before the changes named above it are made. */
  | 'unknown'
  | 'skipped'
  | 'failed'
  | 'refused'

/** A task as the display needs it; `id` is unique within the run, per host. */
export interface TaskRef {
  readonly id: string
  readonly title: string
  readonly role: string
  readonly tags: readonly string[]
}

/** One host's sums: its tasks by how they ended, and its time in milliseconds. */
export interface HostRecap extends Record<Exclude<Status, 'would-change'> | 'wouldChange', number> {
  readonly host: string
  unreachable: boolean
  ms: number
}

/** What a task is at; a disruptive one waits for its turn between its check and its apply. */
export type Phase = 'check' | 'wait' | 'apply' | 'recheck'

/** An event before its time stamp. */
export type EventBody =
  | {
      readonly type: 'run-start'
      readonly playbook: string
      readonly inventory: string
      readonly check: boolean
      readonly hosts: readonly string[]
    }
  | { readonly type: 'notice'; readonly host?: string; readonly text: string }
  | { readonly type: 'host-connected'; readonly host: string; readonly ms: number }
  | { readonly type: 'host-unreachable'; readonly host: string; readonly error: string }
  | {
      readonly type: 'play-start'
      readonly play: string
      readonly title: string
      readonly hosts: readonly { readonly host: string; readonly tasks: readonly TaskRef[] }[]
    }
  | {
      readonly type: 'task-start'
      readonly host: string
      readonly task: string
      readonly phase: Phase
      /** What is about to change, on phase `apply`. */
      readonly change?: Change
    }
  | {
      readonly type: 'task-progress'
      readonly host: string
      readonly task: string
      readonly text: string
      /** 0 to 1 where known. */
      readonly fraction?: number
    }
  | {
      readonly type: 'task-end'
      readonly host: string
      readonly task: string
      readonly status: Status
      readonly change?: Change
      /** One sentence; for failed, refused, unknown and skipped. */
      readonly reason?: string
      /** Where in the role it failed, `roles/x/index.ts:12`, where known. */
      readonly where?: string
      readonly ms: number
    }
  | { readonly type: 'play-end'; readonly play: string }
  | {
      readonly type: 'run-end'
      readonly recap: readonly HostRecap[]
      readonly exitCode: number
      readonly ms: number
    }

/** What happened; every reporter is a pure consumer of these. `at` is milliseconds since the epoch, to 0.01. */
export type Event = { readonly at: number } & EventBody

/** Receives every event in order. */
export type Listener = (event: Event) => void
