import { expect, test } from 'vitest'
import type { z } from 'zod'
import production from '../../inventory/production.ts'
import { schema } from '../../inventory/schema.ts'
import { UsageError } from '../../lib/core/errors.ts'
import { defineInventory, type Inventory } from '../../lib/index.ts'

type Pair = Inventory<z.input<typeof schema.vars>, z.input<typeof schema.host>>

/** A change to the article's inventory, by its key, and what is said of it; `$` stands for the key. */
const wrong: readonly (readonly [key: string, value: unknown, sentence: string])[] = [
  [
    'vars.vip.address',
    '192.168.0.210',
    '$: expected an address that no machine has as its own, got 192.168.0.210, as hosts.M1.vars.em1.address has it',
  ],
  [
    'vars.vip.address',
    '10.0.0.1',
    '$: expected an address in the service LAN (192.168.0.0/24, from hosts.M1.vars.em1), got 10.0.0.1',
  ],
  [
    'vars.vip.device',
    'em2',
    '$: expected the card of the service LAN (hosts.M1.vars.em1.device, `em1`), got `em2`',
  ],
  [
    'hosts.M2.vars.em2.device',
    'enp3s0',
    '$: expected the same name of the card as on M1 (`em2`), got `enp3s0`; name it alike on both',
  ],
  [
    'hosts.M2.vars.em3.address',
    '172.16.101.211',
    "hosts.M2.vars.em3: expected an address in the network of M1's em3 (172.16.100.0/24), got 172.16.101.211/24",
  ],
  [
    'hosts.M2.vars.em2.address',
    '172.16.0.210',
    '$: expected an address of its own, got 172.16.0.210, as hosts.M1.vars.em2.address has it',
  ],
  [
    'hosts.M1.vars.em1.address',
    '192.168.0.255',
    '$: expected the address of one machine, not the first or last of its network (see prefix), got address 192.168.0.255, prefix 24',
  ],
  [
    'hosts.M1.vars.em1.address',
    '0.0.0.0',
    '$: expected an IPv4 address such as 192.168.0.210, got `0.0.0.0`',
  ],
  [
    'hosts.M1.vars.em1.address',
    '192.168.0.010',
    '$: expected an IPv4 address such as 192.168.0.210, got `192.168.0.010`',
  ],
  [
    'hosts.M2.vars.fqdn',
    'M1.redhat.sx',
    '$: expected a name of its own (what `uname -n` says), got `M1.redhat.sx`, as M1 has it',
  ],
  [
    'hosts.M2.connection.address',
    '192.168.0.210',
    'hosts.M2.connection: expected a machine of its own, got 192.168.0.210, port 22, as hosts.M1 has it',
  ],
  [
    'hosts.M2.connection.address',
    '[2001:db8::211]',
    '$: expected an IPv6 address without brackets, got `[2001:db8::211]`',
  ],
  ['groups.nodes', ['M1'], '$: expected the two nodes of the pair, got M1'],
  ['groups.nodes', ['M1', 'M1'], 'groups.nodes[1]: expected each host once, got `M1` again'],
  ['groups.clients', ['M1'], 'groups.clients[0]: expected a host of kind `client`, got M1, a node'],
  ['vars.preferred', 'M3', '$: expected one of the nodes (M1, M2), got `M3`'],
  [
    'vars.heartbeat.pingNodes',
    ['192.168.0.1', '192.168.0.211'],
    'vars.heartbeat.pingNodes[1]: expected a host that is none of the nodes, such as the gateway, got 192.168.0.211, as hosts.M2.vars.em1.address has it',
  ],
  [
    'vars.heartbeat.pingNodes',
    ['192.168.0.219'],
    'vars.heartbeat.pingNodes[0]: expected a host that is none of the nodes, such as the gateway, got 192.168.0.219, as vars.vip.address has it',
  ],
  ...[
    '/',
    '/etc',
    '/etc/tandem',
    '/var/lib/tandem',
    '/usr/share/x',
    '/var',
    '/var/lib',
    '/run/x',
    '/dev/shm',
  ].map(
    (path) =>
      [
        'vars.nfs.path',
        path,
        `$: expected a folder of its own such as /data or /srv/data, got ${path}, which the system needs`,
      ] as const,
  ),
  ['vars.client.mountPoint', '/', '$: expected a folder of its own such as /data'],
  ...['/data/', '/srv//data', '/srv/../etc', '/srv/./x', 'data', '/a b'].map(
    (path) =>
      [
        'vars.nfs.path',
        path,
        '$: expected an absolute path without spaces, doubled or trailing slashes',
      ] as const,
  ),
  [
    'vars.drbd.stateDisk',
    '/dev/mapper/VolGroup-lv_drbd',
    '$: expected another disk than vars.drbd.disk',
  ],
  ['vars.drbd.port', 2048, '$: expected ports that nothing else uses (2048 and 2049), got 2049'],
  [
    'vars.drbd.port',
    65_535,
    '$: expected ports that nothing else uses (65535 and 65536), got 65536, and ports end at 65535',
  ],
  [
    'vars.nfs.options',
    ['rw', 'fsid=7'],
    'vars.nfs.options[1]: expected no `fsid`, which Tandem sets itself, the same on both nodes, got `fsid=7`',
  ],
  ['vars.nfs.options', ['mountpoint'], 'vars.nfs.options[0]: expected no `mountpoint`'],
  ['vars.nfs.options', ['rw', 'ro'], '$: expected `rw` or `ro`, got both'],
  [
    'vars.nfs.options',
    ['a b'],
    'vars.nfs.options[0]: expected one export option such as no_root_squash or sec=krb5, got `a b`',
  ],
  [
    'vars.client.options',
    ['vers=3'],
    'vars.client.options[0]: expected no `vers` (vars.client.version says it), got `vers=3`',
  ],
  ['vars.client.options', ['soft'], 'vars.client.options[0]: expected no `soft`'],
  [
    'vars.client.options',
    ['a,b'],
    'vars.client.options[0]: expected one mount option such as noatime or rsize=1048576, got `a,b`',
  ],
  [
    'vars.nfs.clients',
    ['192.168.0.0/24', '10.0.0.0/8'],
    '$: expected a network such as 192.168.0.0/24, got a list of 2',
  ],
  ['hosts.M1.vars.kind', undefined, '$: expected `node` or `client`, got nothing'],
  ['vars.nfs.options', [], '$: expected at least one entry, got a list of 0'],
  ['vars.drbd.compare', 'weekly', '$: expected `none` or { calendar, spread }, got `weekly`'],
  [
    'vars.heartbeat.watchdog',
    'hard',
    '$: expected softdog, none or a device such as /dev/watchdog, got `hard`',
  ],
  ['timeouts.connect', 15, '$: expected milliseconds, 100 at least (15_000 is 15 s), got `15`'],
]

/** The article's inventory with another value at a key. */
function changed(key: string, value: unknown): Pair {
  const copy = structuredCloneOf(production)
  const path = key.split('.')
  const last = path.pop() ?? ''
  let at = copy as unknown as Record<string, unknown>
  for (const name of path) at = at[name] as Record<string, unknown>
  at[last] = value
  return copy
}

/** A secret is a class of its own, which `structuredClone` would take apart. */
function structuredCloneOf(value: unknown): Pair {
  const copied = (one: unknown): unknown => {
    if (Array.isArray(one)) return one.map(copied)
    if (typeof one !== 'object' || one === null) return one
    if (Object.getPrototypeOf(one) !== Object.prototype) return one
    return Object.fromEntries(Object.entries(one).map(([key, inner]) => [key, copied(inner)]))
  }
  return copied(value) as Pair
}

const sentenceOf = (pair: Pair): string => {
  try {
    defineInventory(schema, pair)
    return ''
  } catch (error) {
    if (error instanceof UsageError) return error.message
    throw error
  }
}

test.each(wrong)('%s: %j is refused', (key, value, sentence) => {
  expect(sentenceOf(changed(key, value))).toContain(sentence.replace('$', key))
})

test.each([
  ['vars.nfs.path', '/srv/data'],
  ['vars.nfs.path', '/home/images'],
  ['vars.nfs.path', '/.data/..x'],
  ['vars.client.mountPoint', '/mnt'],
  ['vars.nfs.path', '/home'],
  ['vars.nfs.path', '/var/lib/images'],
  ['vars.client.options', ['x-systemd.automount', '_netdev', 'sec=krb5:krb5i']],
  ['vars.nfs.options', ['rw', 'sec=krb5:krb5p']],
  ['hosts.M2.vars.em3.device', 'enp9s0'],
  ['vars.heartbeat.pingNodes', ['192.168.0.254']],
])('%s: %j is taken', (key, value) => {
  expect(sentenceOf(changed(key, value))).toBe('')
})

test('two lines of a node may share a card, written down twice', () => {
  const pair = changed(
    'hosts.M1.vars.em3',
    production.hosts.M1?.vars.kind === 'node' && production.hosts.M1.vars.em2,
  )
  const both = structuredCloneOf(pair)
  const M2 = both.hosts.M2?.vars
  if (M2?.kind !== 'node') throw new Error('Expected a node')
  Object.assign(M2, { em3: M2.em2 })
  expect(sentenceOf(both)).toBe('')
})
