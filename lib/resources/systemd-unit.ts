import type { Task } from '../core/task.ts'
import { file } from './file.ts'
import { resource, type TaskOptions } from './shared/resource.ts'
import { look } from './shared/stat.ts'
import { matching } from './shared/validate.ts'

/** What `systemdUnit` may be told. */
export interface SystemdUnitOptions extends TaskOptions {
  /** The name, without `.conf`, of a drop-in that changes a unit of the distribution. */
  readonly dropIn?: string
}

/** Where a unit's file, or its drop-in, lies. */
export function unitPath(unit: string, dropIn?: string): string {
  const name = /^[\w:.\\-]+@?[\w:.\\-]*\.(service|socket|timer|mount|path|target)$/
  const path = `/etc/systemd/system/${matching(unit, name, 'the name of a unit, such as x.service')}`
  if (dropIn === undefined) return path
  return `${path}.d/${matching(dropIn, /^[\w-]+$/, `the name of a drop-in of ${unit}`)}.conf`
}

/** A unit file, or a drop-in, that systemd knows: it reads its files again where this one is newer. */
export function systemdUnit(unit: string, content: string, options: SystemdUnitOptions = {}): Task {
  const path = unitPath(unit, options.dropIn)
  const written = file(path, content)

  return resource(`unit ${path.slice('/etc/systemd/system/'.length)}`, options, {
    async check(host) {
      const [there, found, shown] = await Promise.all([
        look(host, path),
        written.check(host),
        // A template is no unit: systemd reads it anew for the next instance.
        !unit.includes('@.') &&
          host.$`systemctl show --property LoadState,NeedDaemonReload -- ${unit}`,
      ])
      if (there?.target === '/dev/null') {
        throw new Error(
          `Unit ${unit} is masked permanently (${path}): an administrator decided that it must not start`,
        )
      }
      if (found) return { ...found, file: found }
      const outdated = shown && isStale(shown.stdout)
      return outdated ? { summary: 'systemd has read an older one', file: undefined } : undefined
    },
    async apply(host, change) {
      if (change.file) {
        if (options.dropIn !== undefined) {
          await host.quick`mkdir -p -m 0755 -- ${path.slice(0, path.lastIndexOf('/'))}`
        }
        await written.apply(host, change.file)
      }
      await host.sh`systemctl daemon-reload`
    },
  })
}

/**
 * Whether systemd has read an older file, from what `systemctl show` says. Of a masked unit with a drop-in it always says so:
 * it reads neither, and will when the mask is lifted.
 */
export function isStale(shown: string): boolean {
  const says = (line: string) => shown.split('\n').includes(line)
  return says('NeedDaemonReload=yes') && !says('LoadState=masked')
}
