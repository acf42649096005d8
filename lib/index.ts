/** All that roles, playbooks and inventories may use of the engine. */
export { Refusal, UsageError } from './core/errors.ts'
export { type PollOptions, poll } from './core/poll.ts'
export { quote } from './core/quote.ts'
export { Secret, secret } from './core/secret.ts'
export * from './core/task.ts'
export * from './inventory/index.ts'
export type { Topology } from './lab/index.ts'
export * from './resources/index.ts'
