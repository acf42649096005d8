import { setTimeout as sleep } from 'node:timers/promises'
import type { Site } from '../../inventory/schema.ts'
import type { Host } from '../../lib/index.ts'
import { holding, isSettled, manager } from './index.ts'

/** Hands the service to the peer and waits until it is true that the peer has it. */
export async function handOver(
  host: Host,
  peerName: string,
  site: Site,
  waitMs: number,
): Promise<void> {
  const ask = () => host.sh`sh -c ${manager.commands.standBy}`
  await ask()
  let again = Date.now() + manager.hearsMs(site)
  const until = Date.now() + waitMs
  for (;;) {
    const [mine, theirs] = await Promise.all([holding(host), holding(host.peer(peerName))])
    if (mine === 'none' && theirs === 'all') return
    const state = `${host.name}: ${mine}, ${peerName}: ${theirs}`
    // It does not answer: whether it was heard shows in what it does.
    if (isSettled(mine) && mine !== 'none' && Date.now() > again) {
      host.progress(`${manager.name} has not heard it and is asked again (${state})`)
      await ask()
      again = Date.now() + manager.hearsMs(site)
    }
    if (Date.now() > until) {
      throw new Error(`the service did not move within ${waitMs / 1000} s (${state})`)
    }
    host.progress(`service moves to ${peerName} (${state})`)
    await pause(1_000, host.signal)
  }
}

/** Waits, unless the run is interrupted. */
export async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await sleep(ms, undefined, { signal }).catch(() => {
    throw new Error('interrupted while waiting')
  })
}

/** Lets the manager start the service on this node, and waits until `probe` says true; else its text says how it stands. */
export async function takeOver(
  host: Host,
  site: Site,
  probe: () => Promise<string | true>,
  waitMs: number,
): Promise<void> {
  const until = Date.now() + waitMs
  let again = 0
  for (;;) {
    const state = await probe()
    if (state === true) return
    // It does not answer: whether it was heard shows in what it does.
    if (Date.now() > again) {
      await host.sh`sh -c ${manager.commands.takeOver}`
      again = Date.now() + 2 * manager.hearsMs(site)
    }
    if (Date.now() > until) {
      throw new Error(`the service did not start within ${waitMs / 1_000} s (${state})`)
    }
    host.progress(`the service starts (${state})`)
    await pause(1_000, host.signal)
  }
}
