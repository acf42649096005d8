import { type Operation, type Work, works } from '../record/round-record.ts'

/** The processes that write: one for each work, and one that holds a lock all the time. */
export const writers = [...works, 'held'] as const
export type Writer = (typeof writers)[number]

/** An operation with what only the ledger knows of it. */
export interface LedgerOperation extends Operation {
  /** Who did it; `held` counts as the work `lock`. */
  readonly writer: Writer
  /** The step that failed, such as `fsync`; `replayed` where it had been done all the same. */
  readonly step?: string
}

/** What the writers noted, and what follows from it. */
export interface Collected {
  /** The ledger as the checker reads it: whole lines only. */
  readonly text: string
  readonly operations: readonly LedgerOperation[]
  /** Writers without a last line: they were killed or still wait. */
  readonly unfinished: readonly Writer[]
}

const line = /^(?:H \S+ (\w+) .*|B (\d+) ([\d.]+)|E (\d+) ([\d.]+) (\w+(?: \d+)?)(?: (.+))?|Z .*)$/

/** Stands behind each file where several are read as one, after a line that may be half. */
export const endOfFile = '~'

/** Reads the ledger; a last line that a killed writer left half is as if it were not there. */
export function parseLedger(text: string): Collected {
  const operations: LedgerOperation[] = []
  const unfinished = new Set<Writer>()
  let writer: Writer | undefined
  const rows = text
    .split('\n')
    .filter((row, i, all) => i < all.length - 1 && !row.endsWith(endOfFile))
  for (const row of rows) {
    const [, named, began, beganAt, ended, endedAt, error, step] = line.exec(row) ?? []
    const last = operations.at(-1)
    if (named) {
      writer = writers.find((one) => one === named)
      if (writer) unfinished.add(writer)
    }
    if (!writer) throw unexpected(row, 'the name of a writer')
    const own = last?.writer === writer && last.outcome === 'indeterminate' ? last : undefined
    if (began) operations.push(begin(writer, Number(began), ms(beganAt)))
    else if (ended && error && own?.sequence === Number(ended))
      operations[operations.length - 1] = end(own, ms(endedAt), error, step)
    else if (row.startsWith('Z ')) unfinished.delete(writer)
    else if (!named) throw unexpected(row, 'an operation that began, or its end')
  }
  const whole = rows.map((row) => `${row}\n`).join('')
  return { text: whole, operations, unfinished: [...unfinished] }
}

const ms = (seconds: string | undefined): number => Number(seconds) * 1000

const workOf = (writer: Writer): Work => (writer === 'held' ? 'lock' : writer)

function begin(writer: Writer, sequence: number, beganMs: number): LedgerOperation {
  const work = workOf(writer)
  return { writer, work, sequence, beganMs, endedMs: undefined, outcome: 'indeterminate' }
}

function end(
  operation: LedgerOperation,
  endedMs: number,
  error: string,
  step: string | undefined,
): LedgerOperation {
  if (error === 'ok') return { ...operation, endedMs, outcome: 'ok', ...(step && { step }) }
  return { ...operation, endedMs, outcome: 'fail', error, ...(step && { step }) }
}

function unexpected(row: string, expected: string): Error {
  return new Error(`The ledger: expected ${expected}, got '${row}'`)
}

/**
 * Whether a failure was meant to happen: `ENOSPC` allows it everywhere, `rename ENOENT` to one
 * writer alone.
 */
export function isExpected(operation: LedgerOperation, expected: readonly string[]): boolean {
  const { error, writer } = operation
  return !!error && (expected.includes(error) || expected.includes(`${writer} ${error}`))
}
