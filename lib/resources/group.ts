import type { Task } from '../core/task.ts'
import { resource, type TaskOptions } from './shared/resource.ts'
import { matching } from './shared/validate.ts'

/** What `group` may be told. */
export interface GroupOptions extends TaskOptions {
  readonly gid?: number
  /** Made with a number from the range for services. */
  readonly system?: boolean
}

/** Gives `name` back where a user or group may be called so. */
export function accountName(name: string, kind: 'user' | 'group'): string {
  return matching(name, /^[a-z_][a-z0-9_-]{0,30}\$?$/, `the name of a ${kind}`)
}

/** A group of this name, with this number where one is given. */
export function group(name: string, options: GroupOptions = {}): Task {
  accountName(name, 'group')
  const { gid, system = false } = options
  const number = gid === undefined ? [] : ['-g', String(gid)]

  return resource(`group ${name}`, options, {
    async check({ $ }) {
      const { stdout, exitCode } = await $`getent group -- ${name}`.nothrow()
      if (exitCode === 2) return { summary: 'does not exist', create: true }
      const is = stdout.split(':')[2]
      if (exitCode !== 0 || is === undefined) {
        throw new Error(`Expected an answer about group ${name}, got exit code ${exitCode}`)
      }
      if (gid === undefined || is === String(gid)) return undefined
      return { summary: `number ${is} → ${gid}`, create: false }
    },
    async apply({ sh }, { create }) {
      if (create) await sh`groupadd ${[...(system ? ['-r'] : []), ...number]} ${name}`
      else await sh`groupmod ${number} ${name}`
    },
  })
}
