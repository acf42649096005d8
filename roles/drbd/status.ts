import { type CheckHost, Refusal } from '../../lib/index.ts'

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

/** The status of a device that the kernel module does not know. */
export const unconfigured: DrbdStatus = {
  connection: 'Unconfigured',
  role: 'Unknown',
  peerRole: 'Unknown',
  disk: 'Diskless',
  peerDisk: 'DUnknown',
  outOfSync: 0,
  sync: undefined,
}

/** Reads one minor out of /proc/drbd (DRBD 8.4), empty where the module is not loaded. Throws on a text it does not know. */
export function parseProcDrbd(text: string, minor: number): DrbdStatus {
  if (text === '') return unconfigured
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

/** The state of one DRBD device on a host; `Unconfigured` while the module is not loaded. */
export async function drbdStatus(
  { $ }: CheckHost,
  { minor }: { readonly minor: number },
): Promise<DrbdStatus> {
  const { stdout } = await $`if [ -e /proc/drbd ]; then cat /proc/drbd; fi`
  return parseProcDrbd(stdout, minor)
}

/** `Connected Primary/Secondary UpToDate/UpToDate oos:0`, the field's own shorthand. */
export function describe(s: Omit<DrbdStatus, 'sync'>): string {
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
  'disk-options',
  'net-options',
  'resource-options',
])

/** The drbdsetup commands in the output of `drbdadm --dry-run adjust`; never their values, one is a secret. */
export function adjustSteps(text: string): string[] {
  const lines = text.split('\n').filter((line) => line.trim() !== '')
  const steps = lines.map((line) => {
    const step = line
      .trim()
      .match(/^\S*drbd(?:setup|meta)\S*\s+(?:\d+ \S+ \S+ \S+ )?([a-z-]+)/)?.[1]
    if (!step) throw new Error('drbdadm --dry-run adjust: cannot read its answer')
    return step
  })
  return [...new Set(steps)]
}
