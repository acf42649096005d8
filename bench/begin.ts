import { exitCodeOf, Interrupted, sentence } from '../lib/core/errors.ts'

/** Runs a benchmark that starts hosts as this process's work: a signal ends it, an error is told in one sentence. */
export async function begin(
  main: (argv: readonly string[], signal: AbortSignal) => Promise<number>,
): Promise<never> {
  const stop = new AbortController()
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.once(name, () => stop.abort(new Interrupted(`${name}: ended, hosts too`)))
  }
  try {
    process.exit(await main(process.argv.slice(2), stop.signal))
  } catch (error) {
    const cause = stop.signal.aborted ? stop.signal.reason : error
    process.stderr.write(`${sentence(cause)}\n`)
    process.exit(exitCodeOf(cause))
  }
}
