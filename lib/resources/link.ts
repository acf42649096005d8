import { randomBytes } from 'node:crypto'
import type { Task } from '../core/task.ts'
import { resource, type TaskOptions } from './shared/resource.ts'
import { look, naming } from './shared/stat.ts'
import { absolute, matching, printable } from './shared/validate.ts'

/** A symbolic link; one that points elsewhere is replaced, a file or directory never. */
export function link(path: string, target: string, options: TaskOptions = {}): Task {
  absolute(path)
  matching(target, printable, 'a target without control characters')
  return resource(`link ${path} → ${target}`, options, {
    async check(host) {
      const found = await look(host, path)
      if (found && found.kind !== 'link') {
        throw new Error(`Expected a link or nothing at ${path}, got ${naming(found)}`)
      }
      if (found?.target === target) return undefined
      const diff = { path, before: found && `→ ${found.target}`, after: `→ ${target}` }
      return { summary: found ? `points to ${found.target}` : 'does not exist', diff }
    },
    async apply(host) {
      // A rename replaces the old link at once; `ln -f` would leave a moment without any.
      const beside = `${path}.tandem-${randomBytes(6).toString('hex')}`
      await host.quick`ln -sn -- ${target} ${beside} && mv -fT -- ${beside} ${path}`
    },
  })
}
