import type { Task } from '../core/task.ts'
import { platformOf } from '../platform/index.ts'
import { resource, type TaskOptions } from './shared/resource.ts'
import { matching } from './shared/validate.ts'

/** What `packages` may be told. */
export interface PackagesOptions extends TaskOptions {
  /** Units that must not start when their package is installed; `service` starts them later. */
  readonly noStart?: readonly string[]
  /** Packages that may be removed for these; without a name here an installation that removes anything is refused. */
  readonly replaces?: readonly string[]
}

/** Packages installed and configured, in any version, without what they merely recommend. */
export function packages(names: readonly string[], options: PackagesOptions = {}): Task {
  for (const name of names) matching(name, /^[a-z0-9][a-z0-9.+-]+$/, 'the name of a package')
  const { noStart = [], replaces = [], timeoutMs = 30 * 60_000 } = options

  return resource(`packages ${names.join(', ')}`, options, {
    packages: names,
    timeoutMs,
    async check(host) {
      const states = await platformOf(host).packages.query(host, names)
      const having = (state: string) => names.filter((name) => states.get(name) === state)
      const [absent, broken] = [having('absent'), having('broken')]
      const parts = [
        absent.length > 0 && `not installed: ${absent.join(', ')}`,
        broken.length > 0 && `installed in part: ${broken.join(', ')}`,
      ].filter((part) => part !== false)
      if (parts.length === 0) return undefined
      return { summary: parts.join('; '), names: [...absent, ...broken] }
    },
    async foresee(host, found) {
      if (found) await platformOf(host).packages.refuse(host, found.names, replaces)
      return found
    },
    async apply(host, change) {
      await platformOf(host).packages.install(host, change.names, { noStart, replaces })
    },
  })
}
