import type { Task } from '../core/task.ts'
import { file } from './file.ts'
import { resource, type TaskOptions } from './shared/resource.ts'
import { matching, oneLine } from './shared/validate.ts'

/** What `sysctl` may be told. */
export interface SysctlOptions extends TaskOptions {
  /** Other names of the same setting, such as `vm.dirty_ratio` of `vm.dirty_bytes`: whichever is written last counts. */
  readonly excludes?: readonly string[]
}

/** A kernel setting (`net.ipv4.ip_forward`), now and at every boot, by a file of its own in /etc/sysctl.d, which is read behind Debian's 99-sysctl.conf. */
export function sysctl(key: string, value: string | number, options: SysctlOptions = {}): Task {
  const { excludes = [] } = options
  matching(key, /^\w+([./][\w:-]+)+$/, 'a key such as net.ipv4.ip_forward')
  const wanted = words(oneLine(String(value), `the value of ${key}`))
  // As sysctl(8): the separator is whatever comes first, and the other one belongs to a name (a VLAN's card).
  const path = /^[^.]*\//.test(key) ? key : swapped(key)
  const live = `/proc/sys/${path}`
  const name = `99-tandem-${key.replaceAll('/', '.')}.conf`
  const boot = file(`/etc/sysctl.d/${name}`, `${key} = ${wanted}\n`)
  const names = [key, ...excludes].map((one) => one.replaceAll(/[./]/g, '[./]')).join('|')
  const line = `^[[:space:]]*-?[[:space:]]*(${names})[[:space:]]*=`

  return resource(`${key} = ${wanted}`, options, {
    async check(host) {
      const [now, later, others] = await Promise.all([
        host.$`cat -- ${live}`,
        boot.check(host),
        host.$`
for folder in ${folders}; do grep -HsE -e ${line} "$folder"/*.conf; done; :`,
      ])
      const other = settingBehind(others.stdout, name, wanted)
      if (other)
        throw new Error(
          `${host.name}: expected nothing to set ${key} otherwise at boot, got ${other}`,
        )
      const is = words(now.stdout)
      if (is === wanted && !later) return undefined
      const reasons = [is !== wanted && `is ${is}`, later && 'is not set at boot']
      return {
        summary: reasons.filter(Boolean).join('; '),
        ...(later?.diff && { diff: later.diff }),
        live: is !== wanted,
        boot: later,
      }
    },
    async apply(host, change) {
      if (change.live) await host.quick`printf '%s\\n' ${wanted} > ${live}`
      if (change.boot) await boot.apply(host, change.boot)
    },
  })
}

/** Where sysctl(8) looks at boot; it takes the files by their names, from whichever folder. */
const folders = ['/etc/sysctl.d', '/run/sysctl.d', '/usr/local/lib/sysctl.d', '/usr/lib/sysctl.d']

/** A line `PATH:KEY = VALUE` of a file that is read behind the one called `own` and says something else, if there is one. */
export function settingBehind(lines: string, own: string, wanted: string): string | undefined {
  return lines.split('\n').find((line) => {
    const [, name = '', value] = /^[^:]*\/([^/:]+):[^=]*=(.*)$/.exec(line) ?? []
    return value !== undefined && name > own && words(value) !== wanted
  })
}

/** The kernel separates several numbers by tabs. */
const words = (text: string) => text.trim().split(/\s+/).join(' ')

const swapped = (key: string) =>
  key.replaceAll(/[./]/g, (separator) => (separator === '.' ? '/' : '.'))
