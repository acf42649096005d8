import type { Site } from '../../inventory/schema.ts'
import { type CheckHost, type Host, Refusal } from '../../lib/index.ts'
import { describe, drbdStatus, isUpToDate } from '../drbd/status.ts'
import { type Holding, holding, isActive, isSettled } from '../heartbeat/status.ts'

/** What is known of one node when the service is to be kept or moved. */
export interface NodeState {
  readonly host: CheckHost
  readonly holding: Holding
  readonly role: string
}

/** Asks heartbeat and DRBD on a node. */
export async function nodeState(host: CheckHost, drbd: Site['drbd']): Promise<NodeState> {
  const [held, status] = await Promise.all([holding(host), drbdStatus(host, drbd.minor)])
  return { host, holding: held, role: status.role }
}

/** Names of the nodes, the one that serves last: the order of every rolling change. */
export async function standbyFirst(hosts: readonly CheckHost[]): Promise<string[]> {
  const states = await Promise.all(
    hosts.map(async (host) => ({ name: host.name, active: isActive(await holding(host)) })),
  )
  return [...states].sort((a, b) => Number(a.active) - Number(b.active)).map(({ name }) => name)
}

/** Refuses unless the peer can take the service over this minute without losing a write. */
export async function guardPeerReady(
  host: CheckHost,
  peerName: string,
  drbd: Site['drbd'],
): Promise<void> {
  const [status, theirs] = await Promise.all([
    drbdStatus(host, drbd.minor),
    holding(host.peer(peerName)),
  ])
  if (!isUpToDate(status)) {
    throw new Refusal(
      `${host.name}: the service does not move unless DRBD is Connected UpToDate/UpToDate oos:0, got ${describe(status)}`,
    )
  }
  if (!isSettled(theirs)) {
    throw new Refusal(
      `${host.name}: the service does not move while heartbeat on ${peerName} is ${theirs === 'stopped' ? 'stopped' : 'in transition'}`,
    )
  }
}

/** Hands the service to the peer and waits until it is true that the peer has it. */
export async function handOver(host: Host, peerName: string, waitMs: number): Promise<void> {
  await host.sh`/usr/share/heartbeat/hb_standby all`
  const until = Date.now() + waitMs
  for (;;) {
    const [mine, theirs] = await Promise.all([holding(host), holding(host.peer(peerName))])
    if (mine === 'none' && theirs === 'all') return
    const state = `${host.name}: ${mine}, ${peerName}: ${theirs}`
    if (Date.now() > until) {
      throw new Error(`the service did not move within ${waitMs / 1000} s (${state})`)
    }
    host.progress(`service moves to ${peerName} (${state})`)
    await pause(1_000, host.signal)
  }
}

/** Waits, unless the run is interrupted. */
export function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, ms)
    signal.addEventListener(
      'abort',
      () => {
        clearTimeout(timer)
        reject(new Error('interrupted while waiting'))
      },
      { once: true },
    )
  })
}
