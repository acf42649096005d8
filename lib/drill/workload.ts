import {
  check,
  collect,
  type LedgerOperation,
  lockIsHeld,
  stallsOf,
  startLedger,
  stopLedger,
} from './ledger/index.ts'
import type { Machine } from './machine/machine.ts'
import type { Stalls, Verdict } from './record/round-record.ts'
import type { System } from './system.ts'

/** The writers of one round, and what they noted. */
export interface Workload {
  /** Ends the writers and fetches their notes. */
  end(): Promise<readonly LedgerOperation[]>
  /** Whether the server of this node knows of the lock that the client holds all the time. */
  lockIsHeld(node: Machine): Promise<boolean>
  /** Reads everything back on a node that has the files. */
  check(node: Machine): Promise<Verdict>
  stalls(from: number, to: number): Stalls
  /** Takes the files away again. */
  remove(): Promise<void>
}

/** Starts writers on the client; `run` is new for each round. */
export type StartWorkload = (
  client: Machine,
  system: Pick<System, 'folders' | 'slow'>,
  run: string,
  expected: readonly string[],
) => Promise<Workload>

const folder = '.tandem-drill'

/** The real ledger, in the client's folder. */
export const startWorkload: StartWorkload = async (
  client,
  { folders, slow },
  run,
  expectedErrors,
) => {
  const ledger = await startLedger(client, {
    run,
    directory: `${folders.client}/${folder}/${run}`,
    readyMs: 60_000 * slow,
  })
  let collected: Awaited<ReturnType<typeof collect>> | undefined
  const notes = () => {
    if (!collected) throw new Error('the writers have not been ended')
    return collected
  }
  return {
    end: async () => {
      await stopLedger(client, ledger, 60_000 * slow)
      collected = await collect(client, ledger)
      return collected.operations
    },
    lockIsHeld: (node) => lockIsHeld(node, `${folders.node}/${folder}/${run}`),
    check: (node) =>
      check(node, notes(), { directory: `${folders.node}/${folder}/${run}`, expectedErrors }),
    stalls: (from, to) => stallsOf(notes().operations, from, to, expectedErrors),
    remove: async () => {
      // Both names are our own words: nothing in them needs quoting.
      await client.run(`rm -rf '${ledger.directory}' '${ledger.acks}'`, { timeoutMs: 300_000 })
    },
  }
}
