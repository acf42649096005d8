import { join } from 'node:path'
import type { DrillSet } from '../../drill/set.ts'
import { loadExport } from '../playbooks/catalogue.ts'

const file = 'playbooks/drills/index.ts'

/** Loads the drills of this root; throws UsageError where it has none. */
export const loadDrills = (root: string): Promise<DrillSet> =>
  loadExport(
    join(root, file),
    file,
    'default',
    'drills (defineDrills) as its default export',
    isSet,
  )

function isSet(value: unknown): value is DrillSet {
  return typeof value === 'object' && value !== null && 'drills' in value && 'system' in value
}
