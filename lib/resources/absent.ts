import { type Task, task } from '../task.ts'
import { look, naming } from './look.ts'
import { absolute } from './paths.ts'

/** No file and no link at this path; a directory is refused, not emptied. */
export function absent(
  path: string,
  options: { readonly title?: string; readonly tags?: readonly string[] } = {},
): Task {
  absolute(path)
  return task(options.title ?? `no file ${path}`, {
    ...(options.tags && { tags: options.tags }),
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
