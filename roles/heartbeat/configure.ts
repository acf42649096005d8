import { heartbeatLines, type NodeContext, pairOf, type Site } from '../../inventory/schema.ts'
import { directory, requirement, role, systemdUnit, type Task, templates } from '../../lib/index.ts'
import { dopd } from '../drbd/fencing.ts'
import { libFolder } from '../shared/paths.ts'
import { wholeMessages } from './atomic-messages.ts'
import { heartbeatRun, logFile } from './files.ts'
import { watchdog, watchdogDevice } from './watchdog.ts'

const template = templates(import.meta.dirname)

/** S5: two heartbeat lines, signed with a real key; the same files on both nodes. */
export default role('heartbeat/configure', (context: NodeContext) => {
  const { heartbeat } = context.vars
  const pair = pairOf(context)
  return [
    ...(heartbeat.lines.length === 1 ? [oneLine] : []),
    directory('/etc/ha.d', { mode: 0o755 }),
    template('ha.cf', '/etc/ha.d/ha.cf', {
      dopd,
      log: logFile,
      ...heartbeat,
      links: linksOf(context),
      nodes: pair.map(({ vars }) => vars.fqdn),
      watchdogDevice: heartbeat.watchdog === 'none' ? '' : watchdogDevice(heartbeat.watchdog),
    }),
    signed(context.vars),
    wholeMessages(),
    ...unit(),
    ...watchdog(heartbeat.watchdog),
  ]
})

/** Told by every run, as a pair without power switches is. */
const oneLine = requirement('heartbeats go over one line', async () => {}, {
  notice:
    'This pair sends heartbeats over one line (heartbeat.lines): when that line is cut, each node counts the other as dead',
})

/** Every address that heartbeats go to: a node ignores the line that names its own, so that one text serves both. */
export const linksOf = (context: NodeContext) =>
  heartbeatLines(context.vars).flatMap((line) =>
    pairOf(context).map(({ vars }) => ({ device: vars[line].device, address: vars[line].address })),
  )

/** The key that heartbeats are signed with. */
export const signed = ({ heartbeat }: Site): Task =>
  template(
    'authkeys',
    '/etc/ha.d/authkeys',
    { key: heartbeat.key.reveal() },
    { mode: 0o600, secret: true },
  )

/** Keeps systemd from stopping a heartbeat that starts anew by itself after a partition. */
const unit = (): Task[] => [
  directory(libFolder, { mode: 0o755 }),
  template('run', heartbeatRun, {}, { mode: 0o755 }),
  systemdUnit('heartbeat.service', template.text('unit', { run: heartbeatRun }), {
    dropIn: 'tandem',
  }),
]
