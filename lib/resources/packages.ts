import { UsageError } from '../errors.ts'
import { currentPlatform } from '../platform/index.ts'
import { type Change, type Task, task } from '../task.ts'
import { show } from './paths.ts'

/** What `packages` may be told. */
export interface PackagesOptions {
  /** Units that must not start when their package is installed; `service` starts them later. */
  readonly noStart?: readonly string[]
  readonly title?: string
  readonly tags?: readonly string[]
  /** How long an installation may take, in milliseconds. */
  readonly timeoutMs?: number
}

/** Packages installed and configured, in any version, without what they merely recommend. */
export function packages(names: readonly string[], options: PackagesOptions = {}): Task {
  for (const name of names) {
    if (!/^[a-z0-9][a-z0-9.+-]+$/.test(name)) {
      throw new UsageError(`Expected the name of a package, got ${show(name)}`)
    }
  }
  const { noStart = [], title = `packages ${names.join(', ')}`, tags } = options
  const manager = currentPlatform().packages

  return task<Change & { readonly names: readonly string[] }>(title, {
    ...(tags && { tags }),
    timeoutMs: options.timeoutMs ?? 30 * 60_000,
    async check(host) {
      const states = await manager.query(host, names)
      const having = (state: string) => names.filter((name) => states.get(name) === state)
      const [absent, broken] = [having('absent'), having('broken')]
      const parts = [
        absent.length > 0 && `not installed: ${absent.join(', ')}`,
        broken.length > 0 && `installed in part: ${broken.join(', ')}`,
      ].filter((part) => part !== false)
      if (parts.length === 0) return undefined
      return { summary: parts.join('; '), names: [...absent, ...broken] }
    },
    async apply(host, change) {
      await manager.install(host, change.names, { noStart })
    },
  })
}
