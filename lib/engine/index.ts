export { converge, type Site } from './converge.ts'
export type { Event, EventBody, HostRecap, Listener, Status, TaskRef } from './events.ts'
export { type PlannedPlay, type PlannedTask, plan, type Selection } from './plan.ts'
export { type RunOptions, run } from './run.ts'
