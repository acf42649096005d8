import type { Site } from '../../inventory/schema.ts'
import type { CheckHost } from '../../lib/index.ts'
import { type Holding, holding, isActive, isSettled, manager } from '../cluster/index.ts'
import { type DiskReport, diskReports, splitBrain } from '../drbd/split-brain.ts'
import { describe } from '../drbd/status.ts'

/** One node of a split brain: its disk, what heartbeat says that it holds, and whether the share is mounted there. */
export interface Side extends DiskReport {
  readonly holds: Holding
  readonly mounted: boolean
}

/** Asks both nodes at once; the victim comes first. */
export async function askSides(
  victim: CheckHost,
  survivor: CheckHost,
  { drbd, nfs }: Site,
): Promise<readonly [Side, Side]> {
  const hosts = [victim, survivor]
  const mount = (host: CheckHost) => host.$`mountpoint -q ${nfs.path}`.nothrow()
  const [reports, holds, mounts] = await Promise.all([
    diskReports(hosts, drbd),
    Promise.all(hosts.map(holding)),
    Promise.all(hosts.map(mount)),
  ])
  const [one, two] = reports.map((report, at) => ({
    ...report,
    holds: holds[at] ?? 'stopped',
    mounted: mounts[at]?.exitCode === 0,
  }))
  if (!one || !two) throw new Error('expected two nodes')
  return [one, two]
}

/** Whether clients can work with what this node has: heartbeat's word alone is not enough after a start that failed. */
export const isServing = ({ status, mounted }: Side): boolean =>
  status.role === 'Primary' && mounted

/** Whether the survivor can be given the service, with its own data. */
const isAble = ({ holds, status }: Side): boolean =>
  isSettled(holds) &&
  status.role === 'Secondary' &&
  ['UpToDate', 'Consistent', 'Outdated'].includes(status.disk)

/** Whether the victim serves, and the survivor could instead: then the service has to move first. */
export function hasToMove(victim: Side, survivor: Side, preferred: string): boolean {
  return isActive(victim.holds, victim.name, preferred) && isServing(victim) && isAble(survivor)
}

/** Whether nobody serves, and the survivor could: then the service has to start there first. */
export function hasToStart(victim: Side, survivor: Side): boolean {
  return isSettled(victim.holds) && victim.status.role === 'Secondary' && isAble(survivor)
}

/** Whether the victim follows the survivor already, since a run that was killed. */
export function follows(victim: Side, survivor: Side): boolean {
  return (
    survivor.status.role === 'Primary' &&
    /^(Connected|Sync|PausedSync)/.test(victim.status.connection)
  )
}

/** Why the victim may not be given up now; undefined where it may. */
export function obstacle(victim: Side, survivor: Side, preferred: string): string | undefined {
  const both = [victim, survivor]
  if (!splitBrain(victim, survivor)) {
    const states = both.map(({ name, status }) => `${name} is ${describe(status)}`).join(', ')
    return `this is no split brain: ${states}; npm run play verify tells what is wrong`
  }
  const stopped = both.find(({ holds }) => holds === 'stopped')
  if (stopped) {
    return `heartbeat does not run on ${stopped.name}: after a partition it restarts by itself within a minute or two; else start it there (systemctl start heartbeat)`
  }
  if (both.some(({ holds }) => holds === 'transition')) {
    return 'heartbeat is taking or giving up the service: run it again in a minute'
  }
  if (isActive(victim.holds, victim.name, preferred) && isServing(victim)) {
    return `${victim.name} serves the clients now, and ${survivor.name} (${describe(survivor.status)}, heartbeat says ${survivor.holds}) cannot serve: name ${survivor.name} as the victim (--victim ${survivor.name}), or repair ${survivor.name} first`
  }
  if (victim.status.role !== 'Secondary') {
    return `${victim.name} is ${victim.status.role}: someone uses its disk; unmount it and drbdadm secondary first`
  }
  if (victim.status.disk === 'Diskless' || survivor.status.disk !== 'UpToDate') {
    return `the survivor's disk must be UpToDate and the victim's attached: ${survivor.name} is ${describe(survivor.status)}, ${victim.name} is ${describe(victim.status)}`
  }
  if (!isActive(survivor.holds, survivor.name, preferred) || !isServing(survivor)) {
    const mounted = survivor.mounted ? 'mounted' : 'not mounted'
    return `${survivor.name} does not serve (${describe(survivor.status)}, the share is ${mounted}, heartbeat says ${survivor.holds}): its log tells why (${manager.log} on ${survivor.name})`
  }
  return undefined
}
