export { nearest, unknownName } from '../core/suggest.ts'
export { defineInventory, type InventorySchema } from './define.ts'
export {
  type EmbeddedLab,
  embeddedLab,
  type LabFacts,
  type LabMachine,
  labMachine,
  unstartedLab,
} from './embedded.ts'
export { available, type Loaded, load } from './load.ts'
export { loadProblem } from './load-problem.ts'
export { select } from './select.ts'
export type * from './types.ts'
