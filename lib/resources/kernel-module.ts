import type { Task } from '../core/task.ts'
import { file } from './file.ts'
import { resource, type TaskOptions } from './shared/resource.ts'
import { matching } from './shared/validate.ts'

/** What `kernelModule` may be told. */
export interface KernelModuleOptions extends TaskOptions {
  /** Loaded at every boot too, by a file in /etc/modules-load.d. */
  readonly atBoot?: boolean
}

/** A module that the running kernel has, loaded or built in. */
export function kernelModule(name: string, options: KernelModuleOptions = {}): Task {
  matching(name, /^\w[\w-]*$/, 'the name of a kernel module')
  // The kernel writes every dash of a module's name as an underscore; what is built in may have no folder.
  const folder = `/sys/module/${name.replaceAll('-', '_')}`
  const builtIn = `/${name.replaceAll(/[-_]/g, '[-_]')}\\.ko`
  const boot = options.atBoot ? file(`/etc/modules-load.d/${name}.conf`, `${name}\n`) : undefined

  return resource(`kernel module ${name} is loaded`, options, {
    async check(host) {
      const [{ exitCode }, later] = await Promise.all([
        host.$`
[ -d ${folder} ] || grep -qs -e ${builtIn} "/lib/modules/$(uname -r)/modules.builtin"`.nothrow(),
        boot?.check(host),
      ])
      const loaded = exitCode === 0
      if (loaded && !later) return undefined
      const reasons = [!loaded && 'is not loaded', later && 'is not loaded at boot']
      return {
        summary: reasons.filter(Boolean).join('; '),
        ...(later?.diff && { diff: later.diff }),
        load: !loaded,
        boot: later,
      }
    },
    async apply(host, change) {
      if (change.load) await host.sh`modprobe -- ${name}`
      if (boot && change.boot) await boot.apply(host, change.boot)
    },
  })
}
