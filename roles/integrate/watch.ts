import { type NodeContext, peerOf } from '../../inventory/schema.ts'
import { role, service, systemdUnit, templates, unitPath } from '../../lib/index.ts'
import { managerWords } from '../cluster/index.ts'
import { fence } from '../fencing/configure.ts'
import { isFenced } from '../fencing/switch.ts'
import { libFolder } from '../shared/paths.ts'
import { volumesOf } from '../shared/volumes.ts'

const template = templates(import.meta.dirname)
const unit = 'tandem-watch.service'

/** How far the watch may go; times in seconds. */
export const limits = {
  /** Pause between two looks. */
  every: 5,
  /** Restarts of a part within `window` before it hands the service over. */
  restarts: 3,
  window: 600,
  /** It hands over at most once in this time. */
  calm: 3600,
  /** After so many looks in a row at a disk that answers nothing the node resets itself. */
  hung: 12,
} as const

/** Looks, on the node that serves, after what heartbeat does not see: nfsd, its daemons, the disk. */
export default role(
  'integrate/watch',
  (context: NodeContext) => {
    const { drbd, nfs, heartbeat } = context.vars
    const { legacyClients } = nfs
    const peer = peerOf(context)
    const script = `${libFolder}/watch`
    return [
      template(
        'watch',
        script,
        {
          ...limits,
          peer: peer.vars.fqdn,
          ...managerWords(peer.vars.fqdn),
          preferred: context.host.name === context.vars.preferred,
          failBack: context.host.name === context.vars.preferred && heartbeat.autoFailback,
          fence,
          switch: isFenced(context),
          legacyClients,
          resource: drbd.resource,
          stateDevice: volumesOf(drbd)[1]?.device ?? '',
          stateMinor: volumesOf(drbd)[1]?.minor ?? '',
        },
        { mode: 0o755 },
      ),
      systemdUnit(unit, template.text('tandem-watch.service', {})),
      service(unit, {
        state: 'running',
        enabled: true,
        restartOn: [script, `${libFolder}/common`, unitPath(unit)],
      }),
    ]
  },
  { broughtBy: ['integrate/resources'] },
)
