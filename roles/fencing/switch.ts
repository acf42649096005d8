import { type Fencing, type NodeContext, peerOf } from '../../inventory/schema.ts'
import { UsageError } from '../../lib/index.ts'

/** The power switch of one node, as the program that uses it must know it. */
export interface PowerSwitch {
  readonly plugin: Fencing['plugin'] | 'none'
  /** Debian packages of the program that asks it. */
  readonly packages: readonly string[]
  /** What it is asked with, by the names of /etc/tandem/fencing. */
  readonly settings: Readonly<Record<string, string>>
  /** Which outlet, machine or controller it is: two nodes must not share one. */
  readonly identity: string
}

/** Where the program's own settings and the switch's secret are; root's alone. */
export const fencingFolder = '/etc/tandem'
export const secretFile = `${fencingFolder}/fencing.secret`
/** Where snmp's own programs look for the community. */
export const snmpFolder = `${fencingFolder}/snmp`

/** An APC outlet's control object: 1 on, 2 off. */
export const outletControl = '.1.3.6.1.4.1.318.1.1.12.3.3.1.1.4'

/** What a fencing entry of the inventory comes to. */
export function switchOf(fencing: Fencing): PowerSwitch {
  switch (fencing.plugin) {
    case 'external/ipmi':
      return {
        plugin: fencing.plugin,
        packages: ['ipmitool'],
        settings: { switch: fencing.address, user: fencing.user, secret: secretFile },
        identity: `the controller at ${fencing.address}`,
      }
    case 'external/libvirt':
      return {
        plugin: fencing.plugin,
        packages: ['libvirt-clients'],
        settings: { switch: fencing.uri, uri: fencing.uri, domain: fencing.domain },
        identity: `the machine ${fencing.domain} of ${fencing.uri}`,
      }
    case 'external/rackpdu':
      return {
        plugin: fencing.plugin,
        packages: ['snmp'],
        settings: {
          switch: fencing.address,
          outlets: fencing.outlets.join(' '),
          oid: outletControl,
        },
        identity: outletsOf(fencing),
      }
    case 'external/nut':
      return {
        plugin: fencing.plugin,
        packages: ['nut-client'],
        settings: {
          switch: fencing.address,
          outlets: fencing.outlets.join(' '),
          user: fencing.user,
          secret: secretFile,
        },
        identity: outletsOf(fencing),
      }
  }
}

const outletsOf = ({ address, outlets }: { address: string; outlets: readonly number[] }) =>
  `outlet ${outlets.join(' and ')} of ${address}`

/** No switch at all. */
const unfenced: PowerSwitch = {
  plugin: 'none',
  packages: [],
  settings: { switch: 'none' },
  identity: 'none',
}

/** Whether the nodes of a pair can power each other off. */
export function isFenced({ vars }: NodeContext): boolean {
  return vars.fencing !== 'none'
}

/** The switch that this node powers its peer off with; throws UsageError where the two entries do not fit. */
export function peerSwitch(context: NodeContext): PowerSwitch {
  const peer = peerOf(context)
  const { host, vars } = context
  if (vars.fencing === 'none') return unfenced
  const [mine, theirs] = [host, peer].map(({ name, vars: { fencing } }) => {
    if (fencing) return switchOf(fencing)
    throw new UsageError(
      `${name}: expected fencing with a plugin (external/ipmi, external/libvirt, external/rackpdu, external/nut), or fencing: 'none' among the site's variables; got neither`,
    )
  }) as [PowerSwitch, PowerSwitch]
  if (mine.identity === theirs.identity) {
    throw new UsageError(
      `${host.name} and ${peer.name} both name ${mine.identity} as their power switch: expected one for each node, or a node would power itself off`,
    )
  }
  return theirs
}
