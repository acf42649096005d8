import { templates } from '../../lib/index.ts'
import type { ClusterManager } from '../cluster/manager.ts'
import { heartbeatFiles, logFile, resourcesFile } from './files.ts'
import { holding, isActive, isSettled, line } from './status.ts'

const template = templates(import.meta.dirname)
const helpers = '/usr/share/heartbeat'

/** Heartbeat 3, in its haresources mode. */
export const heartbeat: ClusterManager = {
  name: 'heartbeat',
  unit: 'heartbeat.service',
  log: logFile,
  commands: {
    held: 'cl_status rscstatus',
    peer: (node) => `cl_status nodestatus ${node}`,
    line: (node, device) => `cl_status hblinkstatus ${node} ${device}`,
    standBy: `${helpers}/hb_standby all`,
    takeOver: `${helpers}/hb_takeover all`,
  },
  files: heartbeatFiles,
  starts: (preferred, resources) =>
    template('haresources', resourcesFile, { node: preferred, resources: resources.join(' ') }),
  holding,
  isActive,
  isSettled,
  line,
  hearsMs: ({ heartbeat: { warntime } }) => warntime * 1_000,
  settlesMs: ({ heartbeat: { initdead } }) => (2 * initdead + 120) * 1_000,
}
