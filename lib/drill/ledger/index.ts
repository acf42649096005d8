import { quote } from '../../ssh/index.ts'
import { type Work, works } from '../record/round-record.ts'
import { type Collected, endOfFile, parseLedger, type Writer } from './operations.ts'
import { ask, type LedgerHost } from './program.ts'

export { type CheckOptions, check, clientErrors } from './check.ts'
export { type Collected, type LedgerOperation, parseLedger, type Writer } from './operations.ts'
export type { LedgerHost } from './program.ts'
export { stallsOf } from './times.ts'

/** What a ledger is begun with. */
export interface LedgerOptions {
  /** Names it: letters, digits, `.`, `_` and `-`, at most 64; each run needs another. */
  readonly run: string
  /** Where it writes, on the mount; must not be there yet. */
  readonly directory: string
  /** Where acknowledgements are noted, off the mount; `/var/lib/tandem/drill` unless given. */
  readonly acks?: string
  /** Between two operations of one writer; 50 ms unless given. */
  readonly pauseMs?: number
  /** All works unless given; `lock` brings the lock that is held all the time. */
  readonly works?: readonly Work[]
  /** How long the first operation of each writer may take; 60 s unless given. */
  readonly readyMs?: number
  /** When the writers end by themselves, as where the controller died; 30 minutes unless given. */
  readonly mostMs?: number
}

/** A ledger under way or ended. */
export interface Ledger {
  readonly run: string
  /** As the client sees it. */
  readonly directory: string
  /** The folder of this run's acknowledgements on the client. */
  readonly acks: string
  readonly writers: readonly Writer[]
}

/** What a program needs around its own limit: a login and Perl's start on a slow machine. */
const aroundMs = 60_000

/** Starts the writers on the client; resolves when the first operation of each has ended. */
export async function startLedger(host: LedgerHost, options: LedgerOptions): Promise<Ledger> {
  const { run, directory, acks = '/var/lib/tandem/drill' } = options
  const { pauseMs = 50, readyMs = 60_000, mostMs = 1_800_000 } = options
  if (!/^[\w.-]{1,64}$/.test(run))
    throw new Error(`A ledger's run: expected letters, digits, '.', '_', '-', got '${run}'`)
  const writers = (options.works ?? works).flatMap((work): Writer[] =>
    work === 'lock' ? ['lock', 'held'] : [work],
  )
  const ledger = { run, directory, acks: `${acks}/${run}`, writers }
  const words = { run, folder: directory, acks: ledger.acks, works: writers.join(',') }
  const times = { pause: pauseMs / 1000, ready: readyMs / 1000, most: mostMs / 1000 }
  await ask(host, 'start', { ...words, ...times }, { timeoutMs: readyMs + aroundMs })
  return ledger
}

/** Writers that did not end when told: killed, and those whom even that did not end. */
export interface Stopped {
  readonly killed: readonly Writer[]
  readonly left: readonly Writer[]
}

/** Lets each writer finish what is under way, for at most `limitMs` (60 s), then kills it. */
export async function stopLedger(
  host: LedgerHost,
  ledger: Ledger,
  limitMs = 60_000,
): Promise<Stopped> {
  const words = { acks: ledger.acks, limit: limitMs / 1000 }
  return (await ask(host, 'stop', words, { timeoutMs: limitMs + aroundMs })) as Stopped
}

/** Fetches what the writers noted so far; they may still write. */
export async function collect(host: LedgerHost, ledger: Ledger): Promise<Collected> {
  const files = ledger.writers.map((writer) => quote(`${ledger.acks}/${writer}.ack`))
  const log = quote(`${ledger.acks}/log`)
  const each = `for f in ${files.join(' ')}; do cat "$f" && echo '${endOfFile}' || exit; done`
  const script = `${each}; ! test -s ${log} || cat ${log} >&2`
  const { stdout, stderr, exitCode } = await host.run(script, { timeoutMs: aroundMs })
  // The log has only what ends a writer that should not end: its own disk is full, for instance.
  if (exitCode !== 0 || stderr.trim())
    throw new Error(`${host.name}: expected the ledger of ${ledger.run}, got: ${stderr.trim()}`)
  return parseLedger(stdout)
}

/**
 * Whether the server knows of the lock that is held all the time: asked on the node that serves, on
 * its own filesystem, while the ledger is under way (the client would only ask itself).
 */
export async function lockIsHeld(host: LedgerHost, directory: string): Promise<boolean> {
  const answer = await ask(host, 'held', { folder: directory }, { timeoutMs: aroundMs })
  return (answer as { held: boolean }).held
}
