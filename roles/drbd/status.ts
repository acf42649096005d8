import { type CheckHost, Refusal } from '../../lib/index.ts'
import { type Drbd, volumesOf } from './volumes.ts'

/** How far a resync is, as /proc/drbd tells it. */
export interface Sync {
  /** 0 to 1. */
  readonly fraction: number
  /** Time left as h:mm:ss; undefined while DRBD does not know. */
  readonly left: string | undefined
  /** KiB a second. */
  readonly speed: number | undefined
}

/** One DRBD device of the kernel module, as the host sees it. */
export interface DrbdStatus {
  /** `Unconfigured` where the module does not know the device, or is not loaded. */
  readonly connection: string
  readonly role: string
  readonly peerRole: string
  readonly disk: string
  readonly peerDisk: string
  /** Out of sync, in KiB. */
  readonly outOfSync: number
  readonly sync: Sync | undefined
}

const unconfigured: DrbdStatus = {
  connection: 'Unconfigured',
  role: 'Unknown',
  peerRole: 'Unknown',
  disk: 'Diskless',
  peerDisk: 'DUnknown',
  outOfSync: 0,
  sync: undefined,
}

/** Reads one minor out of /proc/drbd (DRBD 8.4). Throws on a text it does not know. */
export function parseProcDrbd(text: string, minor: number): DrbdStatus {
  if (!/^version: 8\.4\./.test(text)) {
    throw new Error(`/proc/drbd: expected DRBD 8.4, got ${JSON.stringify(text.slice(0, 60))}`)
  }
  const blocks = text.split(/\n(?=\s*\d+: cs:)/).slice(1)
  const block = blocks.find((one) => Number.parseInt(one, 10) === minor)
  if (!block) return unconfigured
  if (/cs:Unconfigured/.test(block)) return unconfigured
  const head = block.match(/cs:(\w+) ro:(\w+)\/(\w+) ds:(\w+)\/(\w+)/)
  const outOfSync = block.match(/\boos:(\d+)/)
  if (!head || !outOfSync) {
    throw new Error(`/proc/drbd: cannot read the line of minor ${minor}: ${JSON.stringify(block)}`)
  }
  const [, connection = '', role = '', peerRole = '', disk = '', peerDisk = ''] = head
  const percent = block.match(/sync'ed:\s*([\d.]+)%/)?.[1]
  const speed = block.match(/speed:\s*([\d,]+)/)?.[1]
  return {
    connection,
    role,
    peerRole,
    disk,
    peerDisk,
    outOfSync: Number(outOfSync[1]),
    sync:
      percent === undefined
        ? undefined
        : {
            fraction: Number(percent) / 100,
            left: block.match(/finish:\s*(\d+:\d+:\d+)/)?.[1],
            speed: speed === undefined ? undefined : Number(speed.replaceAll(',', '')),
          },
  }
}

/** Connections, disks and roles, the one that counts most first. */
const connections = ['Unconfigured', 'StandAlone', 'SyncTarget', 'PausedSyncT']
const disks = [
  'Diskless',
  'Failed',
  'Attaching',
  'Inconsistent',
  'Outdated',
  'DUnknown',
  'Consistent',
]

/** Of two words that which stands first in the list, else the one that is not `best`. */
function worse(list: readonly string[], best: string, one: string, two: string): string {
  return list.find((word) => word === one || word === two) ?? (one === best ? two : one)
}

/** The state of all volumes as one: no better than the worst, and `Mixed` where their roles differ. */
export function together(one: DrbdStatus, two: DrbdStatus): DrbdStatus {
  const role = (a: string, b: string) => (a === b ? a : 'Mixed')
  const slower = [one.sync, two.sync]
    .filter((sync) => sync !== undefined)
    .sort((a, b) => a.fraction - b.fraction)
  return {
    connection: worse(connections, 'Connected', one.connection, two.connection),
    role: role(one.role, two.role),
    peerRole: role(one.peerRole, two.peerRole),
    disk: worse(disks, 'UpToDate', one.disk, two.disk),
    peerDisk: worse(disks, 'UpToDate', one.peerDisk, two.peerDisk),
    outOfSync: one.outOfSync + two.outOfSync,
    sync: slower[0],
  }
}

async function statuses(host: CheckHost, minors: readonly number[]): Promise<DrbdStatus[]> {
  const { stdout } = await host.$`if [ -e /proc/drbd ]; then cat /proc/drbd; fi`
  return minors.map((minor) => (stdout === '' ? unconfigured : parseProcDrbd(stdout, minor)))
}

/** The state of one DRBD device on a host; `Unconfigured` while the module is not loaded. */
export async function volumeStatus(host: CheckHost, minor: number): Promise<DrbdStatus> {
  const [status = unconfigured] = await statuses(host, [minor])
  return status
}

/** The state of the pair's replicated disks on a host, as one. */
export async function drbdStatus(host: CheckHost, drbd: Drbd): Promise<DrbdStatus> {
  const found = await statuses(
    host,
    volumesOf(drbd).map(({ minor }) => minor),
  )
  return found.reduce(together)
}

/** `Connected Primary/Secondary UpToDate/UpToDate oos:0`, the field's own shorthand. */
export function describe(s: DrbdStatus): string {
  if (s.connection === 'Unconfigured') return 'Unconfigured'
  return `${s.connection} ${s.role}/${s.peerRole} ${s.disk}/${s.peerDisk} oos:${s.outOfSync}`
}

const connected = new Set([
  'Connected',
  'SyncSource',
  'SyncTarget',
  'VerifyS',
  'VerifyT',
  'PausedSyncS',
  'PausedSyncT',
])
const onTheWay = new Set([
  'WFConnection',
  'WFReportParams',
  'Unconnected',
  'Timeout',
  'BrokenPipe',
  'NetworkFailure',
  'ProtocolError',
  'TearDown',
  'Disconnecting',
  'StartingSyncS',
  'StartingSyncT',
  'WFBitMapS',
  'WFBitMapT',
  'WFSyncUUID',
  'Ahead',
  'Behind',
])

/** Whether the two nodes replicate. Refuses on StandAlone, throws on a state it does not know. */
export function isConnected(s: DrbdStatus, host: string): boolean {
  if (connected.has(s.connection)) return true
  if (onTheWay.has(s.connection)) return false
  if (s.connection === 'StandAlone') {
    throw new Refusal(
      `${host}: DRBD is StandAlone (${describe(s)}): the nodes refused each other, most often a split brain; npm run play verify says whether it is one, and what to do`,
    )
  }
  if (s.connection === 'Unconfigured') return false
  throw new Error(`${host}: DRBD connection state \`${s.connection}\` is not one Tandem knows`)
}

/** Whether both disks hold the same, current data. */
export function isUpToDate(s: DrbdStatus): boolean {
  return (
    s.connection === 'Connected' &&
    s.disk === 'UpToDate' &&
    s.peerDisk === 'UpToDate' &&
    s.outOfSync === 0
  )
}

/** Whether blocks differ that nothing copies: both disks are whole, the nodes see each other and rest. */
export function isIdle(s: DrbdStatus): boolean {
  return (
    s.connection === 'Connected' &&
    s.disk === 'UpToDate' &&
    s.peerDisk === 'UpToDate' &&
    s.outOfSync > 0
  )
}

/** The generation identifiers that tell how old a disk's data is, as `drbdadm get-gi` prints them. */
export interface Generations {
  readonly current: string
  readonly bitmap: string
  readonly history: readonly string[]
}

/** DRBD's own mark of metadata that was just made and never saw a write. */
export const justCreated = '0000000000000004'
const none = '0000000000000000'

/** Parses `drbdadm get-gi`. Throws on a text it does not know. */
export function parseGenerations(text: string): Generations {
  const match = text.trim().match(/^([0-9A-F]{16}):([0-9A-F]{16}):([0-9A-F]{16}):([0-9A-F]{16}):/i)
  if (!match) throw new Error(`drbdadm get-gi: expected four identifiers, got \`${text.trim()}\``)
  const [, current = '', bitmap = '', first = '', second = ''] = match
  return { current, bitmap, history: [first, second] }
}

/** Asks a node for the generations of a resource's data. */
export async function generations(host: CheckHost, resource: string): Promise<Generations> {
  return parseGenerations((await host.$`drbdadm get-gi ${resource}`).stdout)
}

/** Whether the metadata was just made on a disk that never held replicated data. */
export function isJustCreated(g: Generations): boolean {
  return g.current === justCreated && g.bitmap === none && g.history.every((id) => id === none)
}

/**
 * Whether at most the first synchronisation has happened: the mark of new metadata is still among
 * the two generations DRBD remembers, and leaves them when a node has gone on alone once.
 */
export function isFirstGeneration(g: Generations): boolean {
  return g.history.includes(justCreated) || g.history.every((id) => id === none)
}

/** What `drbdadm adjust` may do to a running resource without touching its data or its connection. */
export const harmless: ReadonlySet<string> = new Set([
  'new-volume',
  'disk-options',
  'net-options',
  'resource-options',
])

/**
 * The drbdsetup commands in the output of `drbdadm --dry-run adjust`; never their values, one is a secret. Those that
 * only bring up the volume of the minor `added`, which does not run yet, are one step: `new-volume`.
 */
export function adjustSteps(text: string, added?: number): string[] {
  const lines = text.split('\n').filter((line) => line.trim() !== '')
  const steps = lines.map((line) => {
    const step = line
      .trim()
      .match(/^\S*drbd(?:setup|meta)\S*\s+(?:\d+ \S+ \S+ \S+ )?([a-z-]+)/)?.[1]
    if (!step) throw new Error('drbdadm --dry-run adjust: cannot read its answer')
    const words = line.trim().split(/\s+/)
    const minor = step === 'new-minor' ? words[3] : step === 'attach' ? words[2] : words[1]
    const brings = ['new-minor', 'attach', 'apply-al'].includes(step)
    return brings && minor === String(added) ? 'new-volume' : step
  })
  return [...new Set(steps)]
}
