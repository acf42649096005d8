import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

/** A command as a contender is started. */
export interface Command {
  readonly argv: readonly string[]
  readonly cwd: string
  readonly env: Readonly<Record<string, string>>
}

/** What one run took; CPU time and memory of all its processes on the controller. */
export interface Measured {
  readonly wallMs: number
  readonly cpuMs: number
  /** Of the largest process. */
  readonly peakRssBytes: number
  /** The most that all of them had together, as looked at while they ran. */
  readonly togetherBytes: number
  /** CPU time of looking, which is in none of the above. */
  readonly samplerMs: number
}

const helper = join(import.meta.dirname, 'measure.pl')

/** Runs a command and measures it; throws with the end of its output where it fails. */
export async function measure(
  { argv, cwd, env }: Command,
  log: string,
  signal: AbortSignal,
): Promise<Measured> {
  signal.throwIfAborted()
  const child = spawn('perl', [helper, log, ...argv], {
    cwd,
    env,
    signal,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let out = ''
  let err = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    out += text
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    err += text
  })
  await once(child, 'close')
  if (out === '') throw new Error(`Cannot measure: ${err.trim()}`)
  const { status, ...measured } = JSON.parse(out) as Measured & { status: number }
  if (status === 0) return measured
  const end = readFileSync(log, 'utf8').trim().split('\n').slice(-8).join('\n')
  throw new Error(`${argv[0]} failed (status ${status}), all of it in ${log}:\n${end}`)
}
