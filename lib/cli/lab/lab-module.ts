import { join } from 'node:path'
import { UsageError } from '../../core/errors.ts'
import { importFile } from '../../inventory/import-file.ts'
import { loadProblem } from '../../inventory/index.ts'
import type { LabOptions, Topology } from '../../lab/index.ts'
import type { Context } from '../common/context.ts'

/** The lab's functions. */
export type LabFunctions = typeof import('../../lab/index.ts')

/** The lab: its functions, and what it is made of. */
export interface LabModule extends LabFunctions {
  readonly topology: Topology
}

/** The lab, loaded when it is needed. */
export async function labModule(context: Pick<Context, 'root'>): Promise<LabModule> {
  const [functions, topology] = await Promise.all([
    import('../../lab/index.ts'),
    topologyOf(context),
  ])
  return { ...functions, topology }
}

async function topologyOf({ root }: Pick<Context, 'root'>): Promise<Topology> {
  const shown = 'inventory/topology.ts'
  let loaded: Readonly<Record<string, unknown>>
  try {
    loaded = await importFile(join(root, shown))
  } catch (error) {
    throw new UsageError(`${shown} does not load: ${loadProblem(error)}`, { cause: error })
  }
  if (typeof loaded.topology === 'object' && loaded.topology !== null) {
    return loaded.topology as Topology
  }
  throw new UsageError(`${shown}: expected it to export \`topology\`, the lab's machines`)
}

/** Where the lab lives and how it talks: on stderr, since stdout belongs to the result. */
export function labSettings(
  lab: Pick<LabModule, 'labPaths' | 'topology'>,
  context: Context,
  more: { install: boolean; signal?: AbortSignal },
): LabOptions {
  return {
    ...lab.labPaths(context.env),
    topology: lab.topology,
    env: context.env,
    say: ({ text, seconds }) => {
      const took = seconds === undefined ? '' : `  (${seconds.toFixed(1)} s)`
      context.stderr.write(`lab  ${text}${took}\n`)
    },
    ...more,
  }
}
