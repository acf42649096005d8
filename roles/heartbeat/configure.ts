import { heartbeatLines, type NodeContext, pairOf } from '../../inventory/schema.ts'
import { directory, role, systemdUnit, type Task, templates } from '../../lib/index.ts'
import { dopd } from '../drbd/fencing.ts'
import { libFolder } from '../shared/paths.ts'
import { wholeMessages } from './atomic-messages.ts'
import { heartbeatRun, logFile } from './files.ts'
import { watchdog, watchdogDevice } from './watchdog.ts'

const template = templates(import.meta.dirname)

/** S5: two heartbeat lines, signed with a real key; the same files on both nodes. */
export default role('heartbeat/configure', (context: NodeContext) => {
  const { heartbeat, recipe } = context.vars
  const pair = pairOf(context)
  // A node ignores the line that names its own address, so that one text serves both.
  const links = heartbeatLines(context.vars).flatMap((line) =>
    pair.map(({ vars }) => ({ device: vars[line].device, address: vars[line].address })),
  )
  return [
    directory('/etc/ha.d', { mode: 0o755 }),
    template('ha.cf', '/etc/ha.d/ha.cf', {
      dopd,
      log: logFile,
      ...heartbeat,
      links,
      nodes: pair.map(({ vars }) => vars.fqdn),
      fencing: recipe === 'tandem',
      // The preferred node's watch moves the service back: heartbeat would do it in mid-resync too.
      failback: recipe === 'article' && heartbeat.autoFailback,
      watchdogDevice: heartbeat.watchdog === 'none' ? '' : watchdogDevice(heartbeat.watchdog),
    }),
    template(
      'authkeys',
      '/etc/ha.d/authkeys',
      { key: heartbeat.key.reveal() },
      { mode: 0o600, secret: true },
    ),
    ...(recipe === 'tandem' ? [wholeMessages(), ...unit()] : []),
    ...watchdog(heartbeat.watchdog),
  ]
})

/** Keeps systemd from stopping a heartbeat that starts anew by itself after a partition. */
const unit = (): Task[] => [
  directory(libFolder, { mode: 0o755 }),
  template('run', heartbeatRun, {}, { mode: 0o755 }),
  systemdUnit('heartbeat.service', template.text('unit', { run: heartbeatRun }), {
    dropIn: 'tandem',
  }),
]
