import type { Site } from '../../inventory/schema.ts'
import { type CheckHost, Refusal } from '../../lib/index.ts'
import { holding, isSettled, manager, serves } from '../cluster/index.ts'
import { describe, drbdStatus, isIdle, isUpToDate } from '../drbd/status.ts'
import { guardAlone } from './beside.ts'
import { guardState } from './state.ts'

/** Names of the nodes, the one that serves last: the order of every rolling change. */
export async function standbyFirst(
  hosts: readonly CheckHost[],
  { preferred }: Site,
): Promise<string[]> {
  const states = await Promise.all(
    hosts.map(async (host) => ({ name: host.name, active: await serves(host, preferred) })),
  )
  return [...states].sort((a, b) => Number(a.active) - Number(b.active)).map(({ name }) => name)
}

/**
 * Refuses unless the peer can take the service over this minute without losing a write. With `despite` blocks may differ
 * that a comparison has found: an administrator says that the peer has the right ones.
 */
export async function guardPeerReady(
  host: CheckHost,
  peerName: string,
  site: Site,
  { despite = false } = {},
): Promise<void> {
  const [status, theirs] = await Promise.all([
    drbdStatus(host, site.drbd),
    holding(host.peer(peerName)),
  ])
  if (!isUpToDate(status) && !(despite && isIdle(status))) {
    throw new Refusal(
      `${host.name}: the service does not move unless DRBD is Connected UpToDate/UpToDate oos:0, got ${describe(status)}`,
    )
  }
  if (!isSettled(theirs)) {
    throw new Refusal(
      `${host.name}: the service does not move while ${manager.name} on ${peerName} is ${theirs === 'stopped' ? 'stopped' : 'in transition'}`,
    )
  }
  await guardState(host, peerName, site)
  await guardAlone(host, site)
}
