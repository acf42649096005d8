import { setTimeout as sleep } from 'node:timers/promises'
import type { Site } from '../../inventory/schema.ts'
import { type CheckHost, type Host, Refusal } from '../../lib/index.ts'
import { describe, drbdStatus, isUpToDate } from '../drbd/status.ts'
import { holding, isSettled, serves } from '../heartbeat/status.ts'
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

/** Refuses unless the peer can take the service over this minute without losing a write. */
export async function guardPeerReady(host: CheckHost, peerName: string, site: Site): Promise<void> {
  const [status, theirs] = await Promise.all([
    drbdStatus(host, site.drbd),
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
  await guardState(host, peerName, site)
  await guardAlone(host, site)
}

/** Hands the service to the peer and waits until it is true that the peer has it. */
export async function handOver(
  host: Host,
  peerName: string,
  { heartbeat }: Site,
  waitMs: number,
): Promise<void> {
  const ask = () => host.sh`/usr/share/heartbeat/hb_standby all`
  await ask()
  let again = Date.now() + heartbeat.warntime * 1000
  const until = Date.now() + waitMs
  for (;;) {
    const [mine, theirs] = await Promise.all([holding(host), holding(host.peer(peerName))])
    if (mine === 'none' && theirs === 'all') return
    const state = `${host.name}: ${mine}, ${peerName}: ${theirs}`
    // Heartbeat does not answer hb_standby: whether it was heard shows in what it does.
    if (isSettled(mine) && mine !== 'none' && Date.now() > again) {
      host.progress(`heartbeat has not heard it and is asked again (${state})`)
      await ask()
      again = Date.now() + heartbeat.warntime * 1000
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
