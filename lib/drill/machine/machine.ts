import type { Output } from '../../core/task.ts'

/** A machine that a drill can ask and order about. */
export interface Machine {
  readonly name: string
  /** Runs text of `/bin/sh` as root; resolves whatever the exit code, rejects where there is no answer. */
  run(script: string, options?: RunOptions): Promise<Output>
  /**
   * Runs a script on a connection of its own and gives each line as it arrives; settles when the script
   * ends, the connection is lost, or the signal is aborted.
   */
  stream(script: string, onLine: (line: string) => void, signal: AbortSignal): Promise<void>
}

/** What may go with a script. */
export interface RunOptions {
  readonly stdin?: string
  readonly timeoutMs?: number
}

/** The machines of a pair, and the client that watches it. */
export interface Machines {
  readonly nodes: readonly Machine[]
  readonly client: Machine
}

/** The machine of that name. */
export function machineOf({ nodes, client }: Machines, name: string): Machine {
  const found = [...nodes, client].find((machine) => machine.name === name)
  if (!found) throw new Error(`There is no machine ${name}`)
  return found
}

/** Runs a script that must succeed; throws a sentence with what it said last. */
export async function must(
  machine: Machine,
  script: string,
  options: RunOptions = {},
): Promise<string> {
  const path = 'export PATH=/usr/sbin:/usr/bin:/sbin:/bin\n'
  const { stdout, stderr, exitCode } = await machine.run(path + script, options)
  if (exitCode === 0) return stdout
  const last = (stderr.trim() || stdout.trim()).split('\n').at(-1) ?? ''
  const first = script.trim().split('\n')[0] ?? ''
  throw new Error(`${machine.name}: \`${first}\` failed (exit code ${exitCode}): ${last}`)
}
