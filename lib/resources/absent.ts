import type { Task } from '../core/task.ts'
import { resource, type TaskOptions } from './shared/resource.ts'
import { look, naming } from './shared/stat.ts'
import { absolute } from './shared/validate.ts'

/** No file and no link at this path; a directory is refused, not emptied. */
export function absent(path: string, options: TaskOptions = {}): Task {
  absolute(path)
  return resource(`no file ${path}`, options, {
    async check(host) {
      const found = await look(host, path)
      if (!found) return undefined
      if (found.kind !== 'file' && found.kind !== 'link') {
        throw new Error(`Expected a file, a link or nothing at ${path}, got ${naming(found)}`)
      }
      return { summary: `removes ${naming(found)}` }
    },
    async apply(host) {
      await host.quick`rm -- ${path}`
    },
  })
}
