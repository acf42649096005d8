import type { LabOptions } from '../lab/index.ts'
import type { Context } from './context.ts'

/** The lab's functions. */
export type LabModule = typeof import('../lab/index.ts')

/** The lab, loaded when it is needed. */
export function labModule(): Promise<LabModule> {
  return import('../lab/index.ts')
}

/** Where the lab lives and how it talks: on stderr, since stdout belongs to the result. */
export function labSettings(
  lab: LabModule,
  context: Context,
  more: { install: boolean; signal?: AbortSignal },
): LabOptions {
  return {
    ...lab.labPaths(context.env),
    env: context.env,
    say: ({ text, seconds }) => {
      const took = seconds === undefined ? '' : `  (${seconds.toFixed(1)} s)`
      context.stderr.write(`lab  ${text}${took}\n`)
    },
    ...more,
  }
}
