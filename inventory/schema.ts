import { z } from 'zod'
import { type HostFacts, type RoleContext, Secret } from '../lib/index.ts'
import { consistencyProblems } from './consistency.ts'
import { isReserved } from './networks.ts'

/** An IPv4 address. */
export type Octets = `${number}.${number}.${number}.${number}`

const ip = z
  .custom<Octets>(
    (value) =>
      typeof value === 'string' &&
      /^\d{1,3}(\.\d{1,3}){3}$/.test(value) &&
      // A leading zero means octal to some programs.
      value.split('.').every((octet) => Number(octet) <= 255 && String(Number(octet)) === octet) &&
      !/^(0|127|22[4-9]|2[34]\d|25\d)\./.test(value),
    'Expected an IPv4 address such as 192.168.0.210',
  )
  .meta({ title: 'an IPv4 address' })
const cidr = z
  .custom<`${Octets}/${number}`>(
    (value) =>
      typeof value === 'string' &&
      /^\d{1,3}(\.\d{1,3}){3}\/\d{1,2}$/.test(value) &&
      value.split(/[./]/).every((part, place) => Number(part) <= (place === 4 ? 32 : 255)),
    'Expected a network such as 192.168.0.0/24',
  )
  .meta({ title: 'a network such as 192.168.0.0/24' })
const path = z
  .string()
  .regex(
    /^(\/(?!\.{1,2}(\/|$))[\w@.+:-]+)+$|^\/$/,
    'Expected an absolute path without spaces, doubled or trailing slashes',
  )
  .meta({ title: 'an absolute path' })
const word = z
  .string()
  .regex(/^[\w.-]+$/, 'Expected a name of letters, digits, dot, dash or underscore')
  .meta({ title: 'a name' })
const seconds = z.number().int().positive().meta({ title: 'seconds' })
const port = z.number().int().min(1).max(65_535)
const secretValue = z.instanceof(Secret)
// Not by `meta`: the copy that it makes forgets its class, and a refused literal would be quoted.
z.globalRegistry.add(secretValue, { title: 'a secret' })

/** One address on one card. */
const line = z
  .strictObject({
    device: word,
    address: ip,
    prefix: z.number().int().min(1).max(32),
  })
  .refine((one) => !isReserved(one), {
    error: 'Expected the address of one machine, not the first or last of its network (see prefix)',
    path: ['address'],
  })

/** A user of a power switch. */
const user = z
  .string()
  .regex(/^[\w.@+-]{1,32}$/, 'Expected a user name of letters, digits, . @ + - _')

/** All outlets of one machine: with two power supplies it has two. */
const outlets = z.array(z.number().int().positive()).min(1)

/** The power switch of one node, by the names that STONITH has for them; the peer uses it. */
const fencing = z.discriminatedUnion(
  'plugin',
  [
    /** The machine's own management controller. */
    z.strictObject({
      plugin: z.literal('external/ipmi'),
      address: ip,
      port: port.default(623),
      interface: z.enum(['lanplus', 'lan']).default('lanplus'),
      /** Cipher suite, where ipmitool cannot find out: 3 or 17. Asking costs some controllers 5 s. */
      cipher: z.number().int().min(0).max(17).optional(),
      user,
      password: secretValue,
    }),
    /** The hypervisor of a virtual machine. */
    z.strictObject({
      plugin: z.literal('external/libvirt'),
      uri: z
        .string()
        .regex(
          /^[\w+]+:\/\/[\w.@:/?=&%-]+$/,
          'Expected a libvirt URI such as qemu+ssh://root@host/system',
        ),
      domain: word,
    }),
    /** An outlet of an APC rack PDU. */
    z.strictObject({
      plugin: z.literal('external/rackpdu'),
      address: ip,
      outlets,
      community: secretValue,
    }),
    /** An outlet of a UPS or PDU that NUT drives; one that cuts the power at once. */
    z.strictObject({
      plugin: z.literal('external/nut'),
      address: z.string().regex(/^[\w.-]+@[\w.:-]+$/, 'Expected a UPS such as pdu@192.168.0.5'),
      outlets,
      user,
      password: secretValue,
    }),
  ],
  {
    error: (issue) =>
      issue.code === 'invalid_union'
        ? 'Expected external/ipmi, external/libvirt, external/rackpdu or external/nut'
        : undefined,
  },
)

const node = z.strictObject({
  /** One of the pair. */
  kind: z.literal('node'),
  /** What `uname -n` says: heartbeat and DRBD know the node by it. */
  fqdn: word,
  /** Service LAN. */
  em1: line,
  /** Heartbeat line. */
  em2: line,
  /** DRBD line. */
  em3: line,
  /** How its peer can turn it off; required unless the site says `fencing: 'none'`. */
  fencing: fencing.optional(),
})

const client = z.strictObject({
  /** A machine that mounts the share. */
  kind: z.literal('client'),
  /** What `uname -n` says. */
  fqdn: word,
  /** Service LAN. */
  em1: line,
})

/** What every host of an inventory says of itself. */
export const host = z.discriminatedUnion('kind', [node, client])

/**
 * Seconds of grace and lease. Fast: a take-over holds new opens for 10 s at most. Safe: a client's TCP
 * may sleep 51 s between two attempts after a long outage; with 60 s it still finds grace open.
 */
export const profiles = {
  fast: { grace: 10, lease: 10 },
  safe: { grace: 60, lease: 60 },
} as const

/** Without the keys whose value is undefined, which would hide what stands behind them. */
function defined<T extends object>(value: T) {
  const entries = Object.entries(value).filter(([, one]) => one !== undefined)
  return Object.fromEntries(entries) as T & { grace: number; lease: number }
}

/** What an inventory says of the pair. */
export const vars = z
  .strictObject({
    /** The host that serves when both can. */
    preferred: word,
    /** The floating address, which clients mount. */
    vip: line,
    /**
     * No node can take the other's power. A frozen or cut-off node that comes back may then cost
     * acknowledged writes.
     */
    fencing: z.literal('none').optional(),
    /** Time servers; a pool name or addresses. */
    ntp: z.strictObject({
      /** Names or addresses of the servers. */
      servers: z.array(word).min(1),
      /** The largest offset from the server that counts as right, in seconds. */
      maxOffset: z.number().positive(),
    }),
    drbd: z.strictObject({
      /** What DRBD calls the share; its configuration is `/etc/drbd.d/NAME.res`. */
      resource: word,
      /** The share is `/dev/drbdN`; the state of the service has the next one. */
      minor: z.number().int().min(0).max(255),
      /** The disk below the share, the same on both nodes. */
      disk: path,
      /**
       * A second, small disk (some 100 MiB; the lab has 32) for what follows the service: the memory of its clients and their locks. It
       * is replicated beside the first, under the next minor, and never exported. Without it that memory is in the share,
       * where root of any client can change it.
       */
      stateDisk: path.optional(),
      /** DRBD's TCP port on its line; the state of the service has the next one. */
      port,
      /** The most that a resync may use of the line, for example `100M` (bytes a second). */
      maxRate: z
        .string()
        .regex(/^\d+[KMG]$/, 'Expected a rate such as 100M')
        .meta({ title: 'a rate such as 100M' }),
      /**
       * What a resync gets at least while clients write (bytes a second). With DRBD's own 250K, a pair
       * that is always busy could be without its second copy for days.
       */
      minRate: z
        .string()
        .regex(/^\d+[KMG]$/, 'Expected a rate such as 20M')
        .meta({ title: 'a rate such as 100M' }),
      /** DRBD's activity log, in extents of 4 MiB: after a crash DRBD compares these extents again. */
      alExtents: z.number().int().min(67).max(65_534),
      /**
       * When both disks are compared block by block: a systemd calendar, and the time within which a pair begins
       * at a moment of its own; or `none`.
       */
      compare: z
        .union([z.literal('none'), z.strictObject({ calendar: z.string().min(1), spread: word })], {
          error: "Expected 'none' or { calendar, spread }",
        })
        .default({ calendar: 'Sun *-*-* 01:00', spread: '5h' }),
      /** What `drbdadm verify` compares blocks by; `crc32c` costs less and finds all but one in 4 billion. */
      verifyAlg: z.enum(['sha1', 'md5', 'crc32c']).default('sha1'),
      /** Buffers of DRBD for what it receives, in pages of 4 KiB. */
      maxBuffers: z.number().int().min(32),
      /** The most writes between two write barriers. */
      maxEpochSize: z.number().int().min(1),
      /** DRBD's send buffer. */
      sndbufSize: z
        .string()
        .regex(/^\d+[KM]$/, 'Expected a size such as 512K')
        .meta({ title: 'a size such as 512K' }),
      /** False only with a battery-backed cache: without flushes a power failure loses acknowledged writes. */
      flushes: z.boolean(),
      /** What both nodes prove to each other on DRBD's line. */
      sharedSecret: secretValue,
      /** The filesystem of the share. */
      filesystem: z.literal('ext4'),
      /** How long the boot waits for the peer, in seconds. */
      bootWait: seconds,
    }),
    heartbeat: z
      .strictObject({
        /** A heartbeat is sent so often. */
        keepalive: seconds,
        /** A node that is silent so long is late, and told. */
        warntime: seconds,
        /** A node that is silent so long is dead. */
        deadtime: seconds,
        /** The same when a node has just started, and its network may not be there yet. */
        initdead: seconds,
        /** The lines that it is sent over: two, so that one may be cut. */
        lines: z
          .array(z.enum(['em1', 'em2']))
          .min(1)
          .refine((lines) => new Set(lines).size === lines.length, {
            error: 'Expected each line once',
          })
          .default(['em2', 'em1']),
        /** Heartbeat's UDP port. */
        udpPort: port,
        /** Hosts that answer ping, such as the gateway: a node that hears none of them is the one cut off. */
        pingNodes: z.array(ip).min(1),
        /** Moves the service back by itself when the preferred node returns; costs a second stall. */
        autoFailback: z.boolean(),
        /** Starts heartbeat at boot. The article starts it by hand. */
        atBoot: z.boolean(),
        /** Resets a node whose heartbeat cannot run: the kernel's own, a device such as /dev/watchdog, or none. */
        watchdog: z
          .string()
          .regex(
            /^(softdog|none|\/dev\/[\w.-]+)$/,
            'Expected softdog, none or a device such as /dev/watchdog',
          )
          .default('softdog'),
        /** What heartbeats are signed with. */
        key: secretValue,
      })
      .refine((beat) => beat.keepalive < beat.warntime && beat.warntime < beat.deadtime, {
        error: 'Expected keepalive < warntime < deadtime',
      })
      .refine((beat) => beat.initdead >= 2 * beat.deadtime, {
        error: 'Expected initdead to be at least twice deadtime',
        path: ['initdead'],
      }),
    nfs: z
      .strictObject({
        /** The share: where it is mounted on the node that serves, and its name for clients. */
        path,
        /** Who may mount it. */
        clients: cidr,
        /** Export options besides fsid and mountpoint. */
        options: z
          .array(
            z
              .string()
              .regex(
                /^[\w=.:@/-]+$/,
                'Expected one export option such as no_root_squash or sec=krb5',
              )
              .refine((option) => option !== 'async', {
                error:
                  'Expected `sync`: with `async` a take-over loses writes that clients were told are safe',
              }),
          )
          .min(1),
        /** Also serves NFS 3 and 4.0, for clients such as CentOS 6; opens rpcbind, mountd, statd, lockd. */
        legacyClients: z.boolean(),
        /** How many requests nfsd works on at once. */
        threads: z.number().int().min(1).max(4096),
        /** How many MiB of written data a node may keep in memory, of all its filesystems, before they are on its disks; a move waits for them. */
        dirtyLimit: z.number().int().min(4).max(65_536).default(64),
        /** Short waits after a take-over (`fast`), or locks that outlive a longer silence of a client (`safe`). */
        profile: z.enum(['fast', 'safe']),
        /** How long clients may reclaim their locks after a take-over, in seconds; the profile's unless given. */
        grace: z.number().int().min(10).max(3600).optional(),
        /** How long a client's state outlives its silence, in seconds; the profile's unless given. */
        lease: z.number().int().min(10).max(3600).optional(),
      })
      .transform((nfs) => ({ ...profiles[nfs.profile], ...defined(nfs) })),
    client: z.strictObject({
      /** Where clients of the inventory mount the share. */
      mountPoint: path,
      /** The version of NFS; 3 and 4.0 want `nfs.legacyClients`. */
      version: z.enum(['3', '4.0', '4.1', '4.2']).default('4.2'),
      /** Mount options besides the version, `proto=tcp` and `hard`. */
      options: z.array(
        z
          .string()
          .regex(/^[\w=.:-]+$/, 'Expected one mount option such as noatime or rsize=1048576')
          .refine((option) => !/^soft(err)?$/.test(option), {
            error:
              'Expected no `soft` or `softerr`: programs would take a take-over for I/O errors',
          }),
      ),
    }),
  })
  .refine(({ client, nfs }) => client.version >= '4.1' || nfs.legacyClients, {
    error: 'Expected 4.1 or 4.2, or nfs.legacyClients: true for older ones',
    path: ['client', 'version'],
  })

/** Both together, for `defineInventory`. */
export const schema = { vars, host, together: consistencyProblems }

/** The pair's variables. */
export type Site = z.output<typeof vars>
/** A node or a client. */
export type Machine = z.output<typeof host>
/** A node's power switch. */
export type Fencing = z.output<typeof fencing>
/** A node's names and lines. */
export type Node = z.output<typeof node>
/** What a role for the nodes is given. */
export type NodeContext = RoleContext<Site, Node>
/** What a role for the clients is given. */
export type ClientContext = RoleContext<Site, Machine>

/** The other node of the pair. */
export function peerOf({ others, host }: NodeContext): HostFacts<Node> {
  const [peer, ...more] = others
  if (peer && more.length === 0) return peer
  throw new Error(`${host.name}: expected one other host in the group nodes, got ${others.length}`)
}

/** The lines that heartbeat is sent over. */
export const heartbeatLines = ({ heartbeat }: Site): readonly ('em1' | 'em2')[] => heartbeat.lines

/** Both nodes in the inventory's order, the same on either of them. */
export function pairOf({ host, others }: NodeContext): readonly HostFacts<Node>[] {
  return [host, ...others].sort((a, b) => a.vars.fqdn.localeCompare(b.vars.fqdn))
}
