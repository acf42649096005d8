/** The exit codes a run can end with; sysadmin scripts may rely on them. */
export const exitCodes = {
  converged: 0,
  usage: 1,
  failed: 2,
  unreachable: 3,
  refused: 4,
  interrupted: 130,
} as const

/** Wrong usage or a wrong inventory; nothing was touched (exit 1). */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}

/** A host could not be reached, authenticated or locked; nothing was changed on it (exit 3). */
export class Unreachable extends Error {
  override readonly name = 'Unreachable'
}

/** A guard said no before anything was touched (exit 4). */
export class Refusal extends Error {
  override readonly name = 'Refusal'
}

/** The user or a signal ended the run (exit 130). */
export class Interrupted extends Error {
  override readonly name = 'Interrupted'
}

/** The exit code an error stands for; anything unforeseen counts as a failure. */
export function exitCodeOf(error: unknown): number {
  if (error instanceof UsageError) return exitCodes.usage
  if (error instanceof Unreachable) return exitCodes.unreachable
  if (error instanceof Refusal) return exitCodes.refused
  if (error instanceof Interrupted) return exitCodes.interrupted
  return exitCodes.failed
}

/** One readable sentence out of anything that was thrown. */
export function sentence(error: unknown): string {
  if (error instanceof Error) return error.message.trim() || error.name
  return String(error)
}
