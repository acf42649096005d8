import { type NodeContext, pairOf, peerOf } from '../../inventory/schema.ts'
import {
  type CheckHost,
  directory,
  file,
  role,
  service,
  systemdUnit,
  type Task,
  templates,
  UsageError,
} from '../../lib/index.ts'
import { isFenced } from '../fencing/switch.ts'
import { heartbeatGroup } from '../shared/processes.ts'
import { type Volume, volumesOf } from '../shared/volumes.ts'
import { isConfirmed } from './blank.ts'
import { fencePeer, ping } from './fencing.ts'
import { metadata, noted } from './metadata.ts'
import { hasOldDopd, resourceFile } from './narrow.ts'

const template = templates(import.meta.dirname)

/** Brings the resource up at boot, and down at shutdown. */
export const unit = 'tandem-drbd.service'

/** S8 and S9: metadata on the disks, once, and the same configuration on both nodes, in DRBD 8.4's words. */
export default role('drbd/config', (context: NodeContext) =>
  configWith(
    context,
    template('global_common.conf', globalFile, {
      ...context.vars.drbd,
      power: isFenced(context),
      fencePeer,
      ping,
    }),
  ),
)

/** What all resources have in common. */
export const globalFile = '/etc/drbd.d/global_common.conf'

/** The tasks of `drbd/config`; `common` writes the part that all resources share. */
export function configWith(context: NodeContext, common: Task): Task[] {
  const { drbd } = context.vars
  const peer = peerOf(context)
  return [
    // Before the configuration names them: a node that boots in between must find what is configured.
    ...volumesOf(drbd).flatMap((volume) => [
      metadata(volume, peer.name, isConfirmed(context, volume.disk)),
      noted(volume, peer.name),
    ]),
    directory('/etc/drbd.d', { mode: 0o755 }),
    file('/etc/drbd.conf', 'include "drbd.d/global_common.conf";\ninclude "drbd.d/*.res";\n'),
    common,
    ...volumesOf(drbd).map((volume, place) => configured(context, volume, place > 0)),
    // The package's own service waits for minutes at boot and unmounts at stop; ours only brings up.
    service('drbd.service', { masked: true }),
    systemdUnit(unit, template.text(unit, { ...drbd, state: volumesOf(drbd)[1]?.resource ?? '' })),
    service(unit, { enabled: true }),
  ]
}

/** DRBD's kernel takes no longer one, though drbdadm does. */
const secretBytes = 63

function sharedSecretOf({ vars: { drbd } }: NodeContext): string {
  const secret = drbd.sharedSecret.reveal()
  const bytes = Buffer.byteLength(secret)
  if (bytes <= secretBytes) return secret
  throw new UsageError(
    `Expected a secret ${drbd.sharedSecret.name} of at most ${secretBytes} bytes, got ${bytes}`,
  )
}

function configured(context: NodeContext, volume: Volume, isState: boolean): Task {
  const values = {
    ...volume,
    isState,
    sharedSecret: sharedSecretOf(context),
    nodes: pairOf(context).map(({ vars }) => ({ name: vars.fqdn, address: vars.em3.address })),
  }
  const to = (mode: number, group: string) =>
    template('drbd.res', resourceFile(volume.resource), values, { mode, group, secret: true })
  const closed = to(0o600, 'root')
  // The dopd of an older Tandem reads it, until heartbeat is started again: drbd/narrow closes it then.
  const open = to(0o640, heartbeatGroup)
  const meant = async (host: CheckHost) => ((await hasOldDopd(host)) ? open : closed)
  return {
    ...closed,
    check: async (host) => (await meant(host)).check(host),
    apply: async (host, found) => (await meant(host)).apply(host, found),
  }
}
