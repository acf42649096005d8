import type { LabFacts } from '../inventory/index.ts'
import type { Context } from './context.ts'

interface LabOptions {
  readonly cacheDir: string
  readonly stateDir: string
  readonly env?: NodeJS.ProcessEnv
  readonly say: (event: { text: string; seconds?: number }) => void
  readonly install: boolean
  readonly signal?: AbortSignal
}
interface LabModule {
  labPaths(env: NodeJS.ProcessEnv): { cacheDir: string; stateDir: string }
  up(options: LabOptions): Promise<LabFacts>
  saveSnapshot(options: LabOptions, level: 'converged'): Promise<unknown>
}

const path: string = '../lab/index.ts'

/** The lab, loaded when it is needed. */
export async function labModule(): Promise<LabModule> {
  return await import(path)
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
