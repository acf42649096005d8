import type { CheckHost, Task } from '../core/task.ts'
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

  return resource(`directory ${path}`, options, {
    async check(host) {
      const itself = await look(host, path)
      if (!itself) {
        return { summary: `does not exist; created with mode ${octal(mode)}`, at: undefined }
      }
      // Where the folder itself is.
      const { found, at } =
        itself.kind === 'link' ? await behind(host, path, itself) : { found: itself, at: path }
      if (found.kind !== 'directory') {
        throw new Error(`Expected a directory or nothing at ${path}, got ${naming(itself)}`)
      }
      const differences = ownershipDifferences(found, wanted)
      return differences.length === 0 ? undefined : { summary: differences.join(', '), at }
    },
    async apply(host, { at }) {
      if (at !== undefined) return setPermissions(host, at, wanted)
      // With four digits GNU install keeps the setgid bit of the folder above. It keeps the new one closed to others until owner and mode are right, in one process.
      await host.quick`install -d -m ${`0${octal(mode)}`} -o ${owner} -g ${group} -- ${path}`
    },
  })
}

/** What a link leads to, and where that is; a link that somebody else made is not followed. */
async function behind(host: CheckHost, path: string, link: Looked) {
  const read = readStat(
    await host.$`stat -L -c ${statFormat} -- ${path} && exec readlink -f -- ${path}`.nothrow(),
    path,
  )
  const follows = read && ['0', read.found.uid].includes(link.uid)
  return follows ? { found: read.found, at: read.rest.trimEnd() } : { found: link, at: path }
}
