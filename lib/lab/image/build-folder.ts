import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

/** The folder of one image build; its name starts alike for all builds into the same cache. */
export interface BuildDir {
  readonly path: string
  /** Where the recipe leaves its results; another uid writes there in unprivileged builds. */
  readonly out: string
  /** What the recipe is told of each system that it makes. */
  readonly plans: string
  /** Notes the process that fills the folder, so that a later run can end it. */
  owner(child: ChildProcess): void
}

/** Ends builds that a killed run left behind and makes a new folder; call under the image lock. */
export async function makeBuildDir(prefix: string): Promise<BuildDir> {
  for (const name of readdirSync(tmpdir()).filter((entry) => entry.startsWith(prefix)))
    await removeBuildDir(join(tmpdir(), name))
  // Outside the cache: a user namespace's root may not enter a private home folder.
  const path = mkdtempSync(join(tmpdir(), prefix))
  chmodSync(path, 0o711)
  const out = join(path, 'out')
  const plans = join(path, 'plans')
  mkdirSync(out)
  mkdirSync(plans, { mode: 0o755 })
  if (process.getuid?.() !== 0) {
    chmodSync(path, 0o1777)
    chmodSync(out, 0o777)
  }
  return {
    path,
    out,
    plans,
    owner: (child) => writeFileSync(join(path, 'builder'), `${child.pid ?? ''}\n`),
  }
}

/** Removes a build folder, ending its builder first where that still runs. */
export async function removeBuildDir(path: string): Promise<void> {
  const builder = builderPid(path)
  if (builder !== undefined) {
    signalGroup(builder, 'SIGTERM')
    for (let waited = 0; waited < 10_000 && builderPid(path) !== undefined; waited += 100)
      await sleep(100)
    if (builderPid(path) !== undefined) signalGroup(builder, 'SIGKILL')
    await sleep(100)
  }
  // Files of an unprivileged build belong to subordinate uids, which only a namespace may remove.
  if (process.getuid?.() !== 0)
    spawnSync('unshare', ['--map-auto', '--map-root-user', 'rm', '-rf', '--one-file-system', path])
  if (existsSync(path)) rmSync(path, { recursive: true, force: true })
}

function builderPid(path: string): number | undefined {
  try {
    const pid = Number.parseInt(readFileSync(join(path, 'builder'), 'utf8'), 10)
    return pid > 1 && readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(path) ? pid : undefined
  } catch {
    return undefined
  }
}

function signalGroup(pid: number, signal: 'SIGTERM' | 'SIGKILL'): void {
  try {
    process.kill(-pid, signal)
  } catch {
    // It ended by itself.
  }
}

/** Runs a program in a process group of its own; hands on its lines, rejects on failure. */
export async function runBuild(
  program: string,
  args: readonly string[],
  options: {
    readonly env: Record<string, string | undefined>
    readonly signal?: AbortSignal | undefined
    readonly started?: (child: ChildProcess) => void
    readonly onLine: (line: string) => void
  },
): Promise<void> {
  // A group of its own: Ctrl-C reaches the build once, from us, and all of it.
  const child = spawn(program, args, {
    env: options.env as NodeJS.ProcessEnv,
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  })
  options.started?.(child)
  const abort = () => child.pid && signalGroup(child.pid, 'SIGTERM')
  options.signal?.addEventListener('abort', abort)
  for (const stream of [child.stdout, child.stderr]) {
    let rest = ''
    stream.setEncoding('utf8').on('data', (piece: string) => {
      const lines = (rest + piece).split('\n')
      rest = lines.pop() ?? ''
      lines.forEach(options.onLine)
    })
  }
  try {
    const code = await new Promise<number | null>((resolve, reject) => {
      child.once('error', reject)
      child.once('close', resolve)
    })
    if (code !== 0) throw new Error(`exit code ${code}`)
  } finally {
    options.signal?.removeEventListener('abort', abort)
  }
}
