/** What a writer on the client does again and again, each with fsync or a lock of its own. */
export const works = ['create', 'append', 'overwrite', 'rename', 'read', 'lock'] as const
export type Work = (typeof works)[number]

/** One operation as the client saw it; times in milliseconds since the epoch, on the client's clock. */
export interface Operation {
  readonly work: Work
  readonly sequence: number
  readonly beganMs: number
  /** When fsync and close (or the unlock) had returned; undefined where it never did. */
  readonly endedMs: number | undefined
  readonly outcome: 'ok' | 'fail' | 'indeterminate'
  /** The system's word for a failure, such as EIO. */
  readonly error?: string
}

/** What the checker found on the other node, after caches were dropped. */
export interface Verdict {
  readonly acknowledged: number
  /** A sentence for each acknowledged write that is not there with its content. */
  readonly lost: readonly string[]
  readonly indeterminate: number
  /** A sentence for each operation that failed, EIO on locks among them. */
  readonly clientErrors: readonly string[]
  /** Renames that were done although the client was told ENOENT: a server that started meanwhile did them twice. */
  readonly replayed?: number
}

/** The longest time a client waited, by what it wanted, in milliseconds. */
export interface Stalls {
  readonly newFile: number
  readonly openFile: number
  readonly read: number
  readonly lock: number
}

/** Where the time of a stall went: milliseconds by phase, in order. */
export type Phases = Readonly<Record<string, number>>

/** A moment on a node; `at` in milliseconds since the epoch, on the clock that is spoken of. */
export interface Mark {
  readonly node: string
  readonly at: number
  /** What happened, in the words of the system under test. */
  readonly event: string
}

/** A stretch of time in which something was so; milliseconds since the epoch. */
export interface Span {
  readonly from: number
  readonly to: number
  readonly text?: string
}

/** What was up where during one round: a lane for each part of the service on each node. */
export interface Timeline {
  readonly from: number
  readonly to: number
  readonly lanes: readonly { readonly title: string; readonly spans: readonly Span[] }[]
  readonly marks: readonly { readonly at: number; readonly text: string }[]
  /** When each operation was acknowledged, by work. */
  readonly acknowledged: Readonly<Partial<Record<Work, readonly number[]>>>
}

/** What the nodes' counters of bytes written for clients say of one round. */
export interface Counted {
  /** How often each node was asked. */
  readonly samples: Readonly<Record<string, number>>
  /** Bytes that clients wrote on each node. */
  readonly bytes: Readonly<Record<string, number>>
  /** When both nodes' counters rose at once, on the controller's clock: it must never be. */
  readonly both: readonly Span[]
}

/** One round of one drill. */
export interface Round {
  readonly drill: string
  readonly round: number
  /** What was under test: Tandem's own recipe, or another beside it. */
  readonly recipe: string
  /** The node that served when the round began; undefined where it could not begin. */
  readonly active?: string
  /** What broke an invariant or a pass mark; empty where it passed. */
  readonly problems: readonly string[]
  readonly verdict: Verdict
  readonly stalls: Stalls
  readonly phasesMs: Phases
  readonly timeline: Timeline
  /** Undefined where it could not begin. */
  readonly written?: Counted
  /** Whether what both nodes have stored was compared, and checked on the standby. */
  readonly compared?: boolean
  /** The commit that was drilled; undefined where this is no Git checkout. */
  readonly commit?: string
}

/** Some values by nearest rank: each is one that was measured. */
export interface Percentiles {
  readonly p50: number
  readonly p95: number
  readonly max: number
}

/** One line of the result, as `--json` writes it. */
export interface DrillRow {
  readonly drill: string
  readonly recipe: string
  readonly rounds: number
  /** The node that served at the beginning of each round. */
  readonly active: readonly string[]
  readonly passed: boolean
  readonly acknowledged: number
  readonly lost: number
  readonly indeterminate: number
  readonly clientErrors: number
  readonly replayed: number
  /** How often both nodes wrote for clients at once. */
  readonly bothWrote: number
  /** In how many rounds what both nodes have stored was compared. */
  readonly compared: number
  readonly commits: readonly string[]
  /** Of new files, over the rounds. */
  readonly stallMs: Percentiles
  readonly stallsMs: Readonly<Record<keyof Stalls, Percentiles>>
  /** Medians over the rounds. */
  readonly phasesMs: Phases
}
