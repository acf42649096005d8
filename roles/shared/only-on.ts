import type { Task } from '../../lib/index.ts'

/** A task that one node of the pair does, and at whose barrier the other only waits. */
export const onlyOn = (here: boolean, made: Task): Task =>
  here ? made : { ...made, check: async () => undefined }
