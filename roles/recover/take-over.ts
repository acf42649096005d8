import type { Site } from '../../inventory/schema.ts'
import type { Host } from '../../lib/index.ts'
import { pause } from '../integrate/active.ts'

/** Lets heartbeat start the service on this node, and waits until `probe` says true; else its text says how it stands. */
export async function takeOver(
  host: Host,
  { heartbeat }: Site,
  probe: () => Promise<string | true>,
  waitMs: number,
): Promise<void> {
  const until = Date.now() + waitMs
  let again = 0
  for (;;) {
    const state = await probe()
    if (state === true) return
    // Heartbeat does not answer: whether it was heard shows in what it does.
    if (Date.now() > again) {
      await host.sh`/usr/share/heartbeat/hb_takeover all`
      again = Date.now() + 2 * heartbeat.warntime * 1_000
    }
    if (Date.now() > until) {
      throw new Error(`the service did not start within ${waitMs / 1_000} s (${state})`)
    }
    host.progress(`the service starts (${state})`)
    await pause(1_000, host.signal)
  }
}
