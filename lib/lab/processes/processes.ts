import { spawn } from 'node:child_process'
import {
  closeSync,
  mkdirSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Unreachable, UsageError } from '../../core/errors.ts'
import type { LabFiles } from '../model/lab-options.ts'
import { switchName } from './argv.ts'
import { withQmp } from './qmp.ts'

/** The emulator's name; the lab drives x86-64 machines only. */
export const emulator = 'qemu-system-x86_64'

const switchProgram = 'switch.mjs'

/** The program of a BMC. */
export const bmcProgram = 'ipmi_sim'

/** What a BMC's process is told, beside its pid file; no other process has this file. */
export function bmcConfig(pidFile: string): string {
  return pidFile.replace(/\.pid$/, '/lan.conf')
}

/** Whether a command line, as /proc gives it (NUL between arguments), is that of our process. */
export function isOurs(commandLine: string, pidFile: string): boolean {
  const [program = '', ...args] = commandLine.split('\0')
  const has = (option: string, value: string) =>
    args.some((arg, index) => arg === option && args[index + 1] === value)
  if (basename(program) === bmcProgram) return has('-c', bmcConfig(pidFile))
  if (!program.endsWith(emulator) && !args[0]?.endsWith(`/${switchProgram}`)) return false
  return has('-pidfile', pidFile)
}

/** The pid of a running process of this lab; a stale or foreign pid file counts as none. */
export function runningPid(process: string, files: LabFiles): number | undefined {
  const pidFile = files.pid(process)
  try {
    const pid = Number.parseInt(readFileSync(pidFile, 'utf8'), 10)
    if (!(pid > 1)) return undefined
    return isOurs(readFileSync(`/proc/${pid}/cmdline`, 'utf8'), pidFile) ? pid : undefined
  } catch {
    return undefined
  }
}

/** Makes the folder of sockets, for this user alone. */
export function makeRunDir(files: LabFiles, uid: number): void {
  const shared = files.runDir.startsWith('/tmp/') ? files.runDir.replace(/\/[^/]+$/, '') : undefined
  for (const folder of shared ? [shared, files.runDir] : [files.runDir]) {
    mkdirSync(folder, { recursive: true, mode: 0o700 })
    const { uid: owner, mode } = statSync(folder)
    if (owner !== uid || (mode & 0o077) !== 0)
      throw new UsageError(
        `Expected ${folder} to belong to uid ${uid} with mode 0700, got uid ${owner} and mode 0${(mode & 0o777).toString(8)}`,
      )
  }
}

/** Starts QEMU in the background; resolves once its sockets and disks are open. */
export async function startQemu(process: string, argv: string[], files: LabFiles): Promise<void> {
  forget(process, files)
  const child = spawn(emulator, argv, { stdio: ['ignore', 'ignore', 'pipe'] })
  let said = ''
  child.stderr.setEncoding('utf8').on('data', (piece: string) => {
    said += piece
  })
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject)
    child.once('exit', resolve)
  })
  if (code !== 0)
    throw new Unreachable(
      `QEMU of ${process} did not start (exit code ${code}): ${said.trim().split('\n').pop() ?? ''}`,
    )
}

/** Starts a BMC in the background; returns what says how it ended, undefined while it runs. */
export function startBmc(name: string, files: LabFiles): () => number | string | undefined {
  const config = bmcConfig(files.pid(name))
  const folder = dirname(config)
  const log = openSync(files.log(name), 'a', 0o600)
  const argv = ['-n', '-c', config, '-f', join(folder, 'commands'), '-s', folder]
  const child = spawn(bmcProgram, argv, { cwd: '/', detached: true, stdio: ['ignore', log, log] })
  closeSync(log)
  let ended: number | string | undefined
  child.once('error', (error) => {
    ended = error.message
  })
  child.once('exit', (code, signal) => {
    ended = code ?? signal ?? ''
  })
  if (child.pid !== undefined) writeFileSync(files.pid(name), `${child.pid}\n`)
  child.unref()
  return () => ended
}

/** Starts the switch in the background; resolves once its sockets are open. */
export async function startSwitch(argv: readonly string[], files: LabFiles): Promise<void> {
  rmSync(files.pid(switchName), { force: true })
  const log = openSync(files.log(switchName), 'a', 0o600)
  const program = join(import.meta.dirname, switchProgram)
  const child = spawn(process.execPath, [program, ...argv], {
    cwd: '/',
    detached: true,
    stdio: ['ignore', log, log, 'ipc'],
  })
  closeSync(log)
  await new Promise<void>((resolve, reject) => {
    const ended = (code: number | null) =>
      reject(
        new Unreachable(
          `The switch of the lab did not start (exit code ${code}); its log: ${files.log(switchName)}`,
        ),
      )
    child.once('error', reject)
    child.once('exit', ended)
    child.once('message', () => resolve())
  })
  child.disconnect()
  child.unref()
}

/** Ends a process of this lab: asked first, then told, each only after proof that it is ours. */
export async function endProcess(process: string, files: LabFiles): Promise<boolean> {
  const pid = runningPid(process, files)
  if (pid !== undefined) {
    let patience = 5_000
    try {
      await withQmp(process, files.qmp(process), (qmp) => qmp.execute('quit'))
    } catch {
      // The switch and the BMCs have nobody to ask; nor has a machine that hangs or is half started.
      patience = 0
    }
    for (const [signal, patienceMs] of [
      [undefined, patience],
      ['SIGTERM', 5_000],
      ['SIGKILL', 10_000],
    ] as const) {
      if (runningPid(process, files) === undefined) break
      if (signal) globalThis.process.kill(pid, signal)
      const end = Date.now() + patienceMs
      while (runningPid(process, files) !== undefined && Date.now() < end) await sleep(20)
    }
    if (runningPid(process, files) !== undefined)
      throw new Unreachable(`The lab's process of ${process} (pid ${pid}) did not end`)
  }
  forget(process, files)
  return pid !== undefined
}

function forget(process: string, files: LabFiles): void {
  for (const path of [files.pid(process), files.qmp(process), files.bmcQmp(process)])
    rmSync(path, { force: true })
}
