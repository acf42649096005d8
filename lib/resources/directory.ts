import type { Change, CheckHost, Task } from '../core/task.ts'
import { setPermissions } from './file.ts'
import { resource, type TaskOptions } from './shared/resource.ts'
import {
  type Looked,
  look,
  naming,
  type Ownership,
  ownershipDifferences,
  readStat,
  statFormat,
} from './shared/stat.ts'
import { absolute, octal } from './shared/validate.ts'

/** What `directory` may be told. */
export interface DirectoryOptions extends Partial<Ownership>, TaskOptions {}

/** A directory, or a link to one, with this mode (0755), owner and group (root); its content is left alone. */
export function directory(path: string, options: DirectoryOptions = {}): Task {
  absolute(path)
  const { mode = 0o755, owner = 'root', group = 'root' } = options
  const wanted: Ownership = { mode, owner, group }

  return resource<Change & { readonly create: boolean; readonly at: string }>(
    `directory ${path}`,
    options,
    {
      async check(host) {
        const itself = await look(host, path)
        if (!itself) {
          return {
            summary: `does not exist; created with mode ${octal(mode)}`,
            create: true,
            at: path,
          }
        }
        const { found, at } =
          itself.kind === 'link' ? await behind(host, path, itself) : { found: itself, at: path }
        if (found.kind !== 'directory') {
          throw new Error(`Expected a directory or nothing at ${path}, got ${naming(itself)}`)
        }
        const differences = ownershipDifferences(found, wanted)
        if (differences.length === 0) return undefined
        return { summary: differences.join(', '), create: false, at }
      },
      async apply(host, { create, at }) {
        // `install` keeps it closed to others until owner and mode are right, in one process.
        if (create)
          await host.quick`install -d -m ${octal(mode)} -o ${owner} -g ${group} -- ${path}`
        else await setPermissions(host, at, wanted)
      },
    },
  )
}

/** What a link leads to, and where that is; a link that somebody else made is not followed. */
async function behind(host: CheckHost, path: string, link: Looked) {
  const answer =
    await host.$`stat -L -c ${statFormat} -- ${path} && exec readlink -f -- ${path}`.nothrow()
  const read = readStat(answer, path)
  const theirs = read && !['0', read.found.uid].includes(link.uid)
  return read && !theirs
    ? { found: read.found, at: read.rest.trimEnd() }
    : { found: link, at: path }
}
