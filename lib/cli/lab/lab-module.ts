import { join } from 'node:path'
import type { LabOptions, Topology } from '../../lab/index.ts'
import type { Context } from '../common/context.ts'
import { loadExport } from '../playbooks/catalogue.ts'

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

const file = 'inventory/topology.ts'

const topologyOf = ({ root }: Pick<Context, 'root'>): Promise<Topology> =>
  loadExport(join(root, file), file, 'topology', "`topology`, the lab's machines", isTopology)

function isTopology(value: unknown): value is Topology {
  return typeof value === 'object' && value !== null && 'machines' in value && 'images' in value
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
