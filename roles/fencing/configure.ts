import { type Fencing, heartbeatLines, type NodeContext, peerOf } from '../../inventory/schema.ts'
import {
  directory,
  file,
  packages,
  requirement,
  role,
  type Task,
  templates,
} from '../../lib/index.ts'
import { managerWords } from '../cluster/index.ts'
import { common } from '../shared/common.ts'
import { libFolder } from '../shared/paths.ts'
import { programAnswers, switchAnswers } from './answers.ts'
import { fencingFolder, isFenced, peerSwitch, secretFile, snmpFolder } from './switch.ts'

const template = templates(import.meta.dirname)

/** The one program that powers the peer off. */
export const fence = `${libFolder}/fence`

/**
 * How long a node that does not serve holds still before it powers its peer off, in seconds: the one that
 * serves has lost DRBD's line for 10 s when it does so, and controllers take seconds. The two must never
 * order at the same moment, or nobody is left to turn them on: where neither serves, the preferred goes first.
 */
function delayOf({ host, vars }: NodeContext): number {
  const { deadtime } = vars.heartbeat
  return Math.max(5, 20 - deadtime) + (host.name === vars.preferred ? 0 : 5)
}

/** Each node knows its peer's power switch and can use it; nothing else on the node may. */
export default role(
  'fencing/configure',
  (context: NodeContext) => {
    const { vars } = context
    const peer = peerOf(context)
    const power = peerSwitch(context)
    const is = (name: string) => power.plugin === `external/${name}`
    return [
      ...(power.packages.length > 0 ? [packages(power.packages)] : []),
      // Now that it can be asked: before any file says that it is used.
      ...(isFenced(context) ? [switchAnswers(context)] : []),
      directory(libFolder, { mode: 0o755 }),
      common(vars),
      directory(fencingFolder, { mode: 0o700 }),
      ...secrets(context),
      template(
        'fencing',
        `${fencingFolder}/fencing`,
        {
          peer: peer.vars.fqdn,
          peerName: peer.name,
          plugin: power.plugin,
          peerAddresses: heartbeatLines(vars)
            .map((line) => peer.vars[line].address)
            .join(' '),
          pingNodes: vars.heartbeat.pingNodes.join(' '),
          settings: power.settings,
        },
        { mode: 0o600 },
      ),
      template(
        'fence',
        fence,
        {
          ...managerWords('$peer'),
          resource: vars.drbd.resource,
          delay: delayOf(context),
          // From its first answer to ping until DRBD has its peer, or its heartbeat does.
          booting: 30,
          outlets: is('rackpdu') || is('nut'),
          ipmi: is('ipmi'),
          libvirt: is('libvirt'),
          rackpdu: is('rackpdu'),
          nut: is('nut'),
          none: power.plugin === 'none',
          ...ipmiWords(peer.vars.fencing),
        },
        { mode: 0o755 },
      ),
      isFenced(context) ? programAnswers(context) : withoutSwitch,
    ]
  },
  { broughtBy: ['drbd/fencing', 'integrate/resources', 'integrate/watch', 'integrate/service'] },
)

/** Told by every run: an administrator who chose it years ago may not be the one who reads this. */
export const unfencedNotice =
  'This pair has no power switches (fencing: none): if a node freezes or is cut off and then comes back, acknowledged writes may be lost'
const withoutSwitch = requirement('no power switch to ask', async () => {}, {
  notice: unfencedNotice,
})

/** What only ipmitool must be told. */
function ipmiWords(fencing: Fencing | undefined) {
  if (fencing?.plugin !== 'external/ipmi') return { interface: '', port: '', cipher: '' }
  const { interface: name, port, cipher } = fencing
  return { interface: name, port, cipher: cipher === undefined ? '' : ` -C ${cipher}` }
}

/** What the switch wants to hear, in a file of root's alone. */
function secrets(context: NodeContext): Task[] {
  if (!isFenced(context)) return []
  const fencing = peerOf(context).vars.fencing
  const mine = { mode: 0o600, secret: true }
  switch (fencing?.plugin) {
    case 'external/ipmi':
    case 'external/nut':
      return [file(secretFile, `${fencing.password.reveal()}\n`, mine)]
    case 'external/rackpdu':
      return [
        directory(snmpFolder, { mode: 0o700 }),
        file(
          `${snmpFolder}/snmp.conf`,
          `defVersion 1\ndefCommunity ${fencing.community.reveal()}\n`,
          mine,
        ),
      ]
    default:
      return []
  }
}
