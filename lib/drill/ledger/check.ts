import type { Verdict } from '../record/round-record.ts'
import { type Collected, isExpected, type LedgerOperation } from './operations.ts'
import { ask, type LedgerHost } from './program.ts'

/** Where the checker looks and what it takes for granted. */
export interface CheckOptions {
  /** The ledger's directory as this host sees it: on the mounted filesystem itself, or over NFS. */
  readonly directory: string
  /** Failures that the drill is about, such as `ENOSPC`, or `rename ENOENT` of one writer alone. */
  readonly expectedErrors?: readonly string[]
  /** Drops the host's page cache first, so that the disk answers; true unless given. */
  readonly dropCaches?: boolean
  readonly timeoutMs?: number
}

/**
 * Says of every acknowledged write whether it is there with its content. Runs on any host that sees
 * the data, best the other node. Reads are not counted as acknowledged: they leave nothing to find.
 */
export async function check(
  host: LedgerHost,
  collected: Collected,
  options: CheckOptions,
): Promise<Verdict> {
  const words = { folder: options.directory, drop: options.dropCaches === false ? 0 : 1 }
  const timeoutMs = options.timeoutMs ?? 300_000
  const found = await ask(host, 'check', words, { data: collected.text, timeoutMs })
  const { checked, lost } = found as { checked: number; lost: string[] }
  const acknowledged = collected.operations.filter(
    ({ outcome, work }) => outcome === 'ok' && work !== 'read',
  ).length
  // A ledger that arrived half would be checked half and found clean.
  if (checked !== acknowledged)
    throw new Error(
      `${host.name}: expected ${acknowledged} acknowledged writes to be checked, got ${checked}`,
    )
  return {
    acknowledged,
    lost,
    indeterminate: collected.operations.filter(({ outcome }) => outcome === 'indeterminate').length,
    clientErrors: clientErrors(collected, options.expectedErrors ?? []),
    replayed: collected.operations.filter(({ step }) => step === 'replayed').length,
  }
}

/** A sentence for each failure nobody expected, and for each writer that proves nothing. */
export function clientErrors(collected: Collected, expected: readonly string[]): string[] {
  const { operations, unfinished } = collected
  const failed = operations.filter(
    (operation) => operation.outcome === 'fail' && !isExpected(operation, expected),
  )
  const waiting = unfinished.map((writer) => {
    const last = operations.findLast((operation) => operation.writer === writer)
    const where = last ? `operation ${last.sequence} (${last.outcome})` : 'none at all'
    return `${writer}: expected the writer to end when told, got no end; its last was ${where}`
  })
  const writers = [...new Set(operations.map(({ writer }) => writer))]
  const silent = writers
    .filter((one) => !operations.some(({ writer, outcome }) => writer === one && outcome === 'ok'))
    .map((writer) => `${writer}: expected acknowledged operations, got none`)
  return [...failed.map(failure), ...waiting, ...silent]
}

function failure({ writer, sequence, error, step, beganMs, endedMs }: LedgerOperation): string {
  const took = (((endedMs ?? beganMs) - beganMs) / 1000).toFixed(1)
  const at = step ? ` at ${step}` : ''
  return `${writer} ${sequence}: expected ok, got ${error}${at} after ${took} s`
}
