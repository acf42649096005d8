import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'

const start = fileURLToPath(new URL('../../lib/launch/start.cjs', import.meta.url))
const fixture = fileURLToPath(new URL('fixture', import.meta.url))

/** How the command line ended. */
export interface Ended {
  readonly stdout: string
  readonly stderr: string
  readonly code: number | null
}

/** Runs the real command line in the fixture's folder or another, without what npm or CI set around the tests. */
export function tandem(
  args: readonly string[],
  env: Record<string, string> = {},
  onStdout: (text: string, kill: (signal: NodeJS.Signals) => void) => void = () => {},
  cwd = fixture,
  input?: string,
): Promise<Ended> {
  const clean = Object.entries(process.env).filter(
    ([key]) => !/^(npm_|tandem_)/i.test(key) && key !== 'CI',
  )
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [start, ...args], {
      cwd,
      env: { ...Object.fromEntries(clean), ...env },
      stdio: [input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
    })
    child.stdin?.end(input)
    let stdout = ''
    let stderr = ''
    child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      stdout += text
      onStdout(stdout, (signal) => child.kill(signal))
    })
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      stderr += text
    })
    child.on('error', reject)
    child.on('close', (code) => resolve({ stdout, stderr, code }))
  })
}
