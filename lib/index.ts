/** All that roles, playbooks and inventories may use of the engine. */
export { Refusal, UsageError } from './errors.ts'
export * from './inventory/index.ts'
export type { Topology } from './lab/index.ts'
export * from './resources/index.ts'
export { Secret, secret } from './secret.ts'
export * from './task.ts'
