import type { Change, Task } from '../core/task.ts'
import { setPermissions } from './file.ts'
import { resource, type TaskOptions } from './shared/resource.ts'
import { look, naming, type Ownership, ownershipDifferences } from './shared/stat.ts'
import { absolute, octal } from './shared/validate.ts'

/** What `directory` may be told. */
export interface DirectoryOptions extends Partial<Ownership>, TaskOptions {}

/** A directory with this mode (0755), owner and group (root); its content is left alone. */
export function directory(path: string, options: DirectoryOptions = {}): Task {
  absolute(path)
  const { mode = 0o755, owner = 'root', group = 'root' } = options
  const wanted: Ownership = { mode, owner, group }

  return resource<Change & { readonly create: boolean }>(`directory ${path}`, options, {
    async check(host) {
      const found = await look(host, path)
      if (!found) {
        return { summary: `does not exist; created with mode ${octal(mode)}`, create: true }
      }
      if (found.kind !== 'directory') {
        throw new Error(`Expected a directory or nothing at ${path}, got ${naming(found)}`)
      }
      const differences = ownershipDifferences(found, wanted)
      if (differences.length === 0) return undefined
      return { summary: differences.join(', '), create: false }
    },
    async apply(host, { create }) {
      // `install` keeps it closed to others until owner and mode are right, in one process.
      if (create) await host.quick`install -d -m ${octal(mode)} -o ${owner} -g ${group} -- ${path}`
      else await setPermissions(host, path, wanted)
    },
  })
}
