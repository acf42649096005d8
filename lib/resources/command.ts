import type { Task } from '../core/task.ts'
import { resource, type TaskOptions } from './shared/resource.ts'

/** What `command` is told; both scripts are POSIX sh and must hold no secrets: `ps` shows them. */
export interface CommandOptions extends TaskOptions {
  /** Exit code 0: nothing to do; 1: to do; anything else: unknown, which fails the task. */
  readonly unless: string
  /** What makes it so; ends at the first command that fails. */
  readonly run: string
}

/** A change that no other resource makes, with a script that tells whether it is needed. */
export function command(title: string, { unless, run, ...options }: CommandOptions): Task {
  return resource(title, options, {
    async check(host) {
      const answer = await host.$`eval ${unless}`.nothrow()
      if (answer.exitCode === 0) return undefined
      if (answer.exitCode === 1) return { summary: answer.stdout.trim().split('\n')[0] || 'to do' }
      const why = answer.stderr.trim()
      throw new Error(
        `Expected exit code 0 (nothing to do) or 1 (to do) from \`${unless}\`, got ${answer.exitCode}${why && `: ${why}`}`,
      )
    },
    async foresee(_, found, files) {
      const file = found ? undefined : [...files].find((path) => unless.includes(path))
      if (file) throw new Error(`its check reads ${file}, which changes before`)
      return found
    },
    async apply(host) {
      await host.sh`set -eu; eval ${run}`
    },
  })
}
