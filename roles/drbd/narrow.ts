import type { NodeContext } from '../../inventory/schema.ts'
import { type CheckHost, change, role, type Task, task } from '../../lib/index.ts'
import { heartbeatUser, processesOf } from '../shared/processes.ts'
import { volumesOf } from '../shared/volumes.ts'
import { dopdFolder } from './fencing.ts'

/** What an older Tandem let heartbeat's user run as root, whole. */
const helper = '/lib/drbd/drbdsetup-84'

/** Whether a dopd runs that an older Tandem started: until heartbeat is started again it needs what that gave it. */
export async function hasOldDopd(host: CheckHost): Promise<boolean> {
  const found = await processesOf(host, ['dopd'], [heartbeatUser])
  const pids = found.map(({ pid }) => pid)
  const { stdout } =
    await host.$`for one in ${pids}; do [ ! -e /proc/$one/environ ] || tr '\\0' '\\n' </proc/$one/environ | grep -q ${`^PATH=${dopdFolder}:`} || echo old; done 2>/dev/null; true`
  return stdout.trim() !== ''
}

/** Where DRBD's configuration of a resource is; the secret of the replication line is in it. */
export const resourceFile = (resource: string): string => `/etc/drbd.d/${resource}.res`

/** Heartbeat's user can have a disk marked Outdated, and nothing else done; after heartbeat runs with that. */
export default role('drbd/narrow', ({ vars }: NodeContext) => [
  helperOfRoot(),
  ...volumesOf(vars.drbd).map(({ resource }) => secretOfRoot(resource)),
])

function helperOfRoot(): Task {
  return task(`only root may run ${helper} as root`, {
    barrier: true,
    check: async (host) => {
      if (await hasOldDopd(host)) return undefined
      const { $ } = host
      const [kept, there] = await Promise.all([
        $`dpkg-statoverride --list ${helper}`.nothrow(),
        $`stat -c '%U %G %a' ${helper}`.nothrow(),
      ])
      const mode = there.stdout.trim()
      const wrong = [
        ...(kept.stdout.trim() === '' ? [] : ['dpkg keeps another mode']),
        ...(mode === '' || mode === 'root root 755' ? [] : [`is ${mode}`]),
      ]
      return wrong.length > 0 ? change(wrong.join(', ')) : undefined
    },
    apply: async ({ sh }) => {
      await sh`if dpkg-statoverride --list ${helper} >/dev/null; then dpkg-statoverride --remove ${helper}; fi
        chown root:root ${helper} && chmod 0755 ${helper}`
    },
  })
}

function secretOfRoot(resource: string): Task {
  const path = resourceFile(resource)
  return task(`only root may read ${path}`, {
    check: async (host) => {
      if (await hasOldDopd(host)) return undefined
      const mode = (await host.$`stat -c '%U %G %a' ${path}`).stdout.trim()
      return mode === 'root root 600' ? undefined : change(`is ${mode}`)
    },
    apply: async ({ sh }) => {
      await sh`chown root:root ${path} && chmod 0600 ${path}`
    },
  })
}
