/** What the commands know of the process they run in; main.ts alone reads it. */
export interface Context {
  /** The folder that has playbooks/ and inventory/. */
  readonly root: string
  readonly env: NodeJS.ProcessEnv
  readonly stdout: NodeJS.WriteStream
  readonly stderr: NodeJS.WriteStream
  /** The process's own unless given. */
  readonly stdin?: NodeJS.ReadStream
}

/** Width for text: the terminal's, within what can be read. */
export function columnsOf(context: Context): number {
  return Math.max(60, Math.min(100, context.stdout.columns ?? 100))
}
