import { change, type Task, task } from '../../lib/index.ts'
import { drbdProgram } from '../shared/paths.ts'
import type { Volume } from '../shared/volumes.ts'
import { drbdStatus } from './status.ts'

/**
 * The disk of the service's own state looks for its peer again. Of two that were both used alone the one that is not in
 * use gives way: whoever has the share has the state.
 */
export function reconnected({ resource, minor }: Volume): Task {
  return task(`${resource} looks for its peer`, {
    barrier: true,
    check: async (host) => {
      const { connection } = await drbdStatus(host, { minor })
      return connection === 'StandAlone' ? change('is StandAlone') : undefined
    },
    apply: async ({ sh }) => {
      await sh`case $(drbdadm role ${resource}) in
        Primary*) ${drbdProgram} connect ${resource} ;;
        *) ${drbdProgram} connect --discard-my-data ${resource} ;;
        esac`
    },
  })
}
