import type { Stalls } from '../record/round-record.ts'
import { isExpected, type LedgerOperation, type Writer } from './operations.ts'

const wants: Readonly<Record<keyof Stalls, readonly Writer[]>> = {
  newFile: ['create'],
  openFile: ['append', 'overwrite'],
  read: ['read'],
  lock: ['lock'],
}

/** One wait of one writer. */
interface Wait {
  readonly writer: Writer
  readonly from: number
  /** Infinity where no answer ever came. */
  readonly to: number
}

/**
 * The longest wait of each kind between `from` and `to` (milliseconds since the epoch).
 *
 * A wait begins when an operation begins and ends when that operation, or after failures the next
 * one that is acknowledged, ends: a retry does not end it, and the pauses between acknowledged
 * operations are no part of it. Errors that were expected are answers as well. A wait counts whole,
 * if any of it lies within the window, so that a clock some milliseconds off hides nothing; one
 * that had no end counts until `to`. Zero where nothing was under way. The worse of append and
 * overwrite is the open file's; the lock that is held all the time is left out.
 */
export function stallsOf(
  operations: readonly LedgerOperation[],
  from: number,
  to: number,
  expectedErrors: readonly string[] = [],
): Stalls {
  const within = waits(operations, expectedErrors).filter(
    (wait) => wait.from <= to && wait.to >= from,
  )
  const longest = (writers: readonly Writer[]) =>
    within
      .filter(({ writer }) => writers.includes(writer))
      .reduce((most, wait) => Math.max(most, (wait.to === Infinity ? to : wait.to) - wait.from), 0)
  return {
    newFile: longest(wants.newFile),
    openFile: longest(wants.openFile),
    read: longest(wants.read),
    lock: longest(wants.lock),
  }
}

function waits(operations: readonly LedgerOperation[], expected: readonly string[]): Wait[] {
  const since = new Map<Writer, number>()
  const done: Wait[] = []
  for (const operation of operations) {
    const { writer, beganMs, endedMs, outcome } = operation
    const from = since.get(writer) ?? beganMs
    if (endedMs !== undefined && (outcome === 'ok' || isExpected(operation, expected))) {
      done.push({ writer, from, to: endedMs })
      since.delete(writer)
    } else since.set(writer, from)
  }
  return [...done, ...[...since].map(([writer, from]) => ({ writer, from, to: Infinity }))]
}
