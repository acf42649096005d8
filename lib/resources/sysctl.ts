import { UsageError } from '../core/errors.ts'
import type { Change, Task } from '../core/task.ts'
import { file } from './file.ts'
import { resource, type TaskOptions } from './shared/resource.ts'
import { oneLine, show } from './shared/validate.ts'

interface SysctlChange extends Change {
  readonly live: boolean
  readonly boot: Change | undefined
}

/** A kernel setting (`net.ipv4.ip_forward`), now and at every boot, by a file of its own in /etc/sysctl.d, which is read behind Debian's 99-sysctl.conf. */
export function sysctl(key: string, value: string | number, options: TaskOptions = {}): Task {
  if (!/^\w+([./][\w:-]+)+$/.test(key)) {
    throw new UsageError(`Expected a key such as net.ipv4.ip_forward, got ${show(key)}`)
  }
  const wanted = words(oneLine(String(value), `the value of ${key}`))
  // As sysctl(8): the separator is whatever comes first, and the other one belongs to a name (a VLAN's card).
  const path = /^[^.]*\//.test(key) ? key : swapped(key)
  const live = `/proc/sys/${path}`
  const boot = file(
    `/etc/sysctl.d/99-tandem-${key.replaceAll('/', '.')}.conf`,
    `${key} = ${wanted}\n`,
  )

  return resource<SysctlChange>(`${key} = ${wanted}`, options, {
    async check(host) {
      const [now, later] = await Promise.all([host.$`cat -- ${live}`, boot.check(host)])
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

/** The kernel separates several numbers by tabs. */
const words = (text: string) => text.trim().split(/\s+/).join(' ')

const swapped = (key: string) =>
  key.replaceAll(/[./]/g, (separator) => (separator === '.' ? '/' : '.'))
