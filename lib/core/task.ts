import type { Shell } from 'zx/core'
import type { PlatformName } from './platform-name.ts'

/** What one command on a host gave: text as UTF-8, exit code (null when a signal ended it). */
export interface Output {
  readonly stdout: string
  readonly stderr: string
  readonly exitCode: number | null
}

/**
 * A question under way: resolves to its output, rejects on a non-zero exit code.
 * `nothrow()` takes any exit code but 126 and 127 (no such command is never an answer).
 */
export interface Question extends Promise<Output> {
  nothrow(): Question
  /** Limits this question to `ms` milliseconds; it rejects afterwards. */
  within(ms: number): Question
  /** Sends `text` as the command's standard input. */
  input(text: string): Question
}

/** Runs text on a host, as a template tag that quotes its values for POSIX sh; in a check the text must change nothing. */
export type Ask = (pieces: TemplateStringsArray, ...values: unknown[]) => Question

/** A host as `check` sees it: `check` can ask it questions, and cannot change it. */
export interface CheckHost {
  readonly name: string
  /** The distribution, as the inventory names it; the preflight compares this with what the host says. */
  readonly platform: PlatformName
  /** Pipelined over the host's one persistent shell: questions asked together share a round trip. */
  readonly $: Ask
  /** Another host of the inventory, connected when first asked; only behind a barrier. */
  peer(name: string): CheckHost
}

/** What `write` needs to know besides the content; mode and owner hold before any content appears. */
export interface WriteOptions {
  /** Permission bits, for example 0o600. */
  readonly mode: number
  /** Owner and group names; `root` unless given. */
  readonly owner?: string
  readonly group?: string
}

/** A host as `apply` sees it. */
export interface Host extends CheckHost {
  /** zx's own `$`, running on the host on a channel of its own, with streaming and time-outs. */
  readonly sh: Shell
  /**
   * Runs a short change in the shell that also answers questions. It has no channel of its own and no
   * streaming, so it costs one round trip, which it shares with the questions after it.
   */
  readonly quick: Ask
  /** Replaces a file atomically: temporary file beside it, fsync, rename. */
  write(path: string, content: string | Buffer, options: WriteOptions): Promise<void>
  /** Says how far a long change is; `fraction` is 0 to 1 where it is known. */
  progress(text: string, fraction?: number): void
  /** Aborted when the run is interrupted. */
  readonly signal: AbortSignal
}

/** Text before and after; `undefined` stands for "not there". */
export interface Diff {
  readonly path: string
  /** Other paths that lead to the same file: a link. */
  readonly paths?: readonly string[]
  readonly before: string | undefined
  readonly after: string | undefined
  /** Keeps both texts out of every output. */
  readonly secret?: boolean
}

/** What `check` found to be different. */
export interface Change {
  /** One line: what differs, in the words of an administrator. */
  readonly summary: string
  readonly diff?: Diff
}

/** Makes a change that holds a summary and, where given, a diff, and nothing else. */
export function change(summary: string, diff?: Diff): Change {
  return diff ? { summary, diff } : { summary }
}

/** Throws a Refusal with its reason unless the guarded step is safe now. */
export type Guard = (host: CheckHost) => Promise<void>

/** A wanted state of one host, in two halves. */
export interface Task<C extends Change = Change> {
  readonly title: string
  /** What differs; undefined when nothing does. Reads only. Throws when it cannot tell. */
  check(host: CheckHost): Promise<C | undefined>
  /** Makes exactly the change that `check` found. */
  apply(host: Host, change: C): Promise<void>
  /**
   * Asked by a check-only run, after `check`: what a run would find, given the files that the tasks before this one
   * would change. Throws when only the run can tell.
   */
  foresee?(
    host: CheckHost,
    found: C | undefined,
    files: ReadonlySet<string>,
  ): Promise<C | undefined>
  readonly tags?: readonly string[]
  /** A sentence that a run with this task begins with, whatever its check finds. */
  readonly notice?: string
  /** All hosts of the play finish what is before this task before any of them checks it. */
  readonly barrier?: boolean
  /** Asked right before `apply` of a task that could destroy data: must prove there is none. */
  readonly destroys?: { readonly what: string; readonly proof: Guard }
  /** Asked right before `apply` of a task that interrupts a service; one host at a time. */
  readonly disruptive?: Guard
  /** The one host of the play that this task is for; on other hosts its check finds no difference. */
  readonly onlyOn?: string
  /** What it installs where that is missing; the lab's images hold these packages. */
  readonly packages?: readonly string[]
  /** How long `apply` may take, in milliseconds, before it counts as failed. */
  readonly timeoutMs?: number
}

/** Makes a task; its change type is inferred. */
export function task<C extends Change = Change>(
  title: string,
  halves: Omit<Task<C>, 'title'>,
): Task {
  // The engine hands `apply` only what the same task's `check` returned, so the widening is safe.
  return { title, ...halves } as unknown as Task
}

/** A task without an apply half: its check throws where the host is not as it must be. */
export function requirement(
  title: string,
  check: (host: CheckHost) => Promise<void>,
  options: Pick<Task, 'tags' | 'barrier' | 'notice'> = {},
): Task {
  return {
    title,
    ...options,
    check: async (host) => {
      await check(host)
      return undefined
    },
    apply: async () => {},
  }
}

/** What a role may know of a host before any connection: its name, platform and typed variables. */
export interface HostFacts<H> {
  readonly name: string
  /** The distribution that it runs; two hosts of a group may run different ones. */
  readonly platform: PlatformName
  readonly vars: H
}

/** What a role is given: this host, the other hosts of its group, and the site's variables. */
export interface RoleContext<V, H> {
  readonly host: HostFacts<H>
  readonly others: readonly HostFacts<H>[]
  readonly vars: V
}

/** A function from a host to its list of tasks; touches nothing itself. */
export interface Role<V = unknown, H = unknown> {
  readonly name: string
  /** Names of roles, or of folders of roles, that take effect only with this one: playing one of them by name also plays this one. */
  readonly broughtBy?: readonly string[]
  tasks(context: RoleContext<V, H>): readonly Task[]
}

/** Names a role. */
export function role<V, H>(
  name: string,
  tasks: (context: RoleContext<V, H>) => readonly Task[],
  options: Pick<Role, 'broughtBy'> = {},
): Role<V, H> {
  return { name, tasks, ...options }
}

/** Hosts of one group × roles; no play starts before the one before it has ended on all hosts. */
export interface Play<V = unknown, H = unknown> {
  readonly title: string
  /** The inventory group it runs on. */
  readonly hosts: string
  readonly roles: readonly Role<V, H>[]
  /** One host after another instead of all at once. */
  readonly serial?: boolean
  /** A failed task does not stop those behind it, so that a verification names everything at once. */
  readonly keepGoing?: boolean
  /** The order of a serial play, found out at run time: names, first to last. */
  order?(hosts: readonly CheckHost[], vars: V): Promise<readonly string[]>
}

/** A value that a playbook takes on the command line; its roles find it among the variables, by its name. */
export interface Parameter {
  /** `host`: one of the playbook's hosts; `devices`: HOST:DEVICE, several of them, as a list. */
  readonly kind: 'host' | 'devices'
  /** What the value names; shown in the help, and in the error when the value is missing. */
  readonly about: string
  /** There is no run without it. */
  readonly required?: boolean
}

/** A list of plays with a name. */
export interface Playbook<V = unknown, H = unknown> {
  readonly name: string
  readonly description: string
  readonly plays: readonly Play<V, H>[]
  /** What it takes as options of its own: `parameters: { source: … }` is `--source`. */
  readonly parameters?: Readonly<Record<string, Parameter>>
  /**
   * The word that the command line must have after the playbook's name. `absent`: the name of a host that is off (`vars.absent`).
   * Tandem does not connect to that host, and its name must be typed once more.
   */
  readonly asks?: 'absent'
  /**
   * Without `--confirm` its roles only tell what is known, and change nothing. They find `vars.confirmed`, which is
   * true where `--confirm` names the absent host.
   */
  readonly tellsFirst?: boolean
  /** Changes nothing on any host by design, so it needs no lock. */
  readonly readOnly?: boolean
}

/** Names a playbook. */
export function playbook<V, H>(definition: Playbook<V, H>): Playbook<V, H> {
  return definition
}
