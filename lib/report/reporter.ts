import type { Listener } from '../engine/events.ts'

/** Where reports are written. */
export interface Output {
  write(text: string): unknown
}

/** How a reporter writes. */
export interface ReportOptions {
  readonly stdout: Output
  /** Width and height of the terminal; asked at each frame, so that resizing works. */
  readonly columns: number | (() => number)
  readonly rows?: number | (() => number)
  readonly isTTY: boolean
  /** Colour; left out, on a terminal. */
  readonly colour?: boolean
  /** Shows how files differ. */
  readonly diff: boolean
  /** Names tasks that were right already, too. */
  readonly verbose: boolean
  /** Says at the end where the time went. */
  readonly profile?: {
    /** When the process began, in milliseconds since the epoch. */
    readonly processStart: number
  }
}

/** A consumer of events; `end` resolves once all is written. */
export interface Reporter {
  readonly listener: Listener
  /** Keeps its hands off the terminal while something else is asked there. */
  aside?<T>(work: () => Promise<T>): Promise<T>
  end(): Promise<void>
}
