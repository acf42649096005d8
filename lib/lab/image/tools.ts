import { spawn, spawnSync } from 'node:child_process'
import { accessSync, constants } from 'node:fs'
import { join } from 'node:path'
import { UsageError } from '../../core/errors.ts'
import type { Environment, LabOptions } from '../model/lab-options.ts'

/** Programs the lab calls and the Debian package that holds each. */
export const tools: Readonly<Record<string, string>> = {
  'qemu-system-x86_64': 'qemu-system-x86',
  'qemu-img': 'qemu-utils',
  mmdebstrap: 'mmdebstrap',
  mke2fs: 'e2fsprogs',
  tune2fs: 'e2fsprogs',
  flock: 'util-linux',
  ipmi_sim: 'openipmi',
  'apt-get': 'apt',
}

/** The caller's PATH with the system's own folders, which a user's PATH often lacks. */
export function searchPath(env: Environment): string {
  const system = ['/usr/local/sbin', '/usr/local/bin', '/usr/sbin', '/usr/bin', '/sbin', '/bin']
  return [...new Set([...(env.PATH ?? '').split(':').filter(Boolean), ...system])].join(':')
}

/** Packages of the programs that are not there. */
export function missingPackages(path: string): string[] {
  const there = (program: string): boolean =>
    path.split(':').some((folder) => {
      try {
        accessSync(join(folder, program), constants.X_OK)
        return true
      } catch {
        return false
      }
    })
  const missing = Object.entries(tools).filter(([program]) => !there(program))
  return [...new Set(missing.map(([, name]) => name))]
}

/** The exact line that installs `packages`. */
export function aptLine(packages: readonly string[]): string {
  return `apt-get install -y --no-install-recommends ${packages.join(' ')}`
}

/** Names missing system packages, or installs them where the options say so. */
export async function ensureTools(options: LabOptions): Promise<void> {
  const path = searchPath(options.env ?? {})
  const missing = missingPackages(path)
  if (missing.length === 0) return
  const line = aptLine(missing)
  if (missing.includes('apt'))
    throw new UsageError('The lab needs a Debian machine: apt-get was not found')
  if (!options.install)
    throw new UsageError(`The lab needs ${missing.join(', ')}; run: ${line}  (or use --install)`)
  const root = process.getuid?.() === 0
  if (!root && spawnSync('sudo', ['-n', 'true'], { stdio: 'ignore' }).status !== 0)
    throw new UsageError(`The lab needs ${missing.join(', ')} and is not root; run: sudo ${line}`)
  const begun = Date.now()
  for (const command of ['apt-get update -q', line.replace('apt-get', 'apt-get -q')]) {
    options.say({ step: 'tools', text: command })
    const words = [...(root ? [] : ['sudo', '-n']), 'env', 'DEBIAN_FRONTEND=noninteractive']
    await run([...words, ...command.split(' ')], path, options)
  }
  const still = missingPackages(path)
  if (still.length > 0)
    throw new UsageError(`Expected ${line} to bring ${still.join(', ')}, but it did not`)
  options.say({
    step: 'tools',
    text: `installed ${missing.join(', ')}`,
    seconds: (Date.now() - begun) / 1000,
  })
}

async function run(argv: readonly string[], path: string, options: LabOptions): Promise<void> {
  const [program = '', ...args] = argv
  const child = spawn(program, args, {
    env: { ...options.env, PATH: path },
    stdio: ['ignore', 'pipe', 'pipe'],
    ...(options.signal && { signal: options.signal }),
  })
  let said = ''
  const hear = (piece: string) => {
    said = (said + piece).slice(-4000)
    const last = piece.trim().split('\n').pop()
    if (last) options.say({ step: 'tools', text: last })
  }
  child.stdout.setEncoding('utf8').on('data', hear)
  child.stderr.setEncoding('utf8').on('data', hear)
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', resolve)
  })
  if (code !== 0)
    throw new UsageError(
      `${argv.join(' ')} failed (exit code ${code}): ${said.trim().split('\n').pop() ?? ''}`,
    )
}
