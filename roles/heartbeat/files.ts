import { unitPath } from '../../lib/index.ts'
import { libFolder } from '../shared/paths.ts'

/** What systemd runs for heartbeat, and where it is told so. */
export const heartbeatRun = `${libFolder}/heartbeat`
export const heartbeatUnit = unitPath('heartbeat.service', 'tandem')

/** Where it logs. */
export const logFile = '/var/log/ha-log'

/** What it starts, and in which order. */
export const resourcesFile = '/etc/ha.d/haresources'

/** Files that heartbeat reads only when it starts. */
export const heartbeatFiles: readonly string[] = [
  '/etc/ha.d/ha.cf',
  '/etc/ha.d/authkeys',
  resourcesFile,
  heartbeatRun,
  heartbeatUnit,
]
