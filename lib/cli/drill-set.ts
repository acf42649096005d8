import { join } from 'node:path'
import type { DrillSet } from '../drill/set.ts'
import { UsageError } from '../errors.ts'
import { importFile } from '../inventory/import-file.ts'
import { loadProblem } from '../inventory/index.ts'

/** Loads the drills of this root; throws UsageError where it has none. */
export async function loadDrills(root: string): Promise<DrillSet> {
  const file = 'playbooks/drills/index.ts'
  let loaded: { default?: unknown }
  try {
    loaded = await importFile(join(root, file))
  } catch (error) {
    throw new UsageError(`${file} does not load: ${loadProblem(error)}`, { cause: error })
  }
  if (isSet(loaded.default)) return loaded.default
  throw new UsageError(`${file}: expected drills (defineDrills) as its default export`)
}

function isSet(value: unknown): value is DrillSet {
  return typeof value === 'object' && value !== null && 'drills' in value && 'system' in value
}
