import { spawn, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import {
  appendFileSync,
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { UsageError } from '../lib/core/errors.ts'
import { passedAptOptions, release } from '../lib/lab/image/recipe.ts'
import { debianSources, oneLine, readSources } from '../lib/lab/image/sources.ts'
import type { Places } from './places.ts'

const packages = [
  ...['openssh-server', 'iproute2', 'procps', 'psmisc', 'kmod', 'cron', 'iputils-ping'],
  ...['heartbeat', 'drbd-utils', 'nfs-kernel-server', 'rpcbind'],
  // For saving what a victim alone has.
  'e2fsprogs',
  // For the peers alone, which run Python on the hosts.
  ...['python3', 'python3-apt'],
]
const recipe = [release, '1', ...packages].join(' ')

/** Makes the hosts' common tree and their key, unless they are there. */
export async function ensureBase(
  at: Places,
  say: (text: string) => void,
  signal: AbortSignal,
): Promise<void> {
  const ready = join(at.folder, 'base.ready')
  if (existsSync(ready) && readFileSync(ready, 'utf8') === recipe) return
  needPrograms(['mmdebstrap', 'ssh-keygen', 'chroot'])
  say(`building the hosts' Debian tree from this machine's APT sources, once (${at.base})`)
  mkdirSync(at.logs, { recursive: true, mode: 0o700 })
  rmSync(ready, { force: true })
  rmSync(at.base, { recursive: true, force: true })
  await bootstrap(at, signal)
  if (!existsSync(at.identityFile)) {
    must('ssh-keygen', [
      '-q',
      '-t',
      'ed25519',
      '-N',
      '',
      '-C',
      'tandem-bench',
      '-f',
      at.identityFile,
    ])
  }
  furnish(at)
  writeFileSync(ready, recipe)
}

/** Throws UsageError naming the programs that are missing. */
export function needPrograms(names: readonly string[]): void {
  const missing = names.filter(
    (name) => spawnSync('sh', ['-c', 'command -v "$1"', 'sh', name]).status !== 0,
  )
  if (missing.length === 0) return
  throw new UsageError(`The benchmark needs ${missing.join(', ')}; install them with apt-get`)
}

async function bootstrap(at: Places, signal: AbortSignal): Promise<void> {
  const keyFile = (key: string): string => {
    const path = join(at.folder, `key-${createHash('sha256').update(key).digest('hex')}.asc`)
    writeFileSync(path, `${key.replace(/^ ?\.?$/gm, '').replace(/^ /gm, '')}\n`, { mode: 0o644 })
    return path
  }
  const sources = debianSources(readSources(), release).map((source) => oneLine(source, keyFile))
  const options = passedAptOptions(spawnSync('apt-config', ['dump'], { encoding: 'utf8' }).stdout)
  const log = join(at.logs, 'base.log')
  writeFileSync(log, '')
  const child = spawn(
    'mmdebstrap',
    [
      ...['--variant=minbase', `--include=${packages.join(',')}`, '--skip=cleanup/apt/lists'],
      ...options.map((option) => `--aptopt=${option}`),
      ...['doc', 'man', 'locale'].map((part) => `--dpkgopt=path-exclude=/usr/share/${part}/*`),
      ...[release, at.base, ...sources],
    ],
    { stdio: ['ignore', 'pipe', 'pipe'], signal },
  )
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (piece: Buffer) => appendFileSync(log, piece))
  }
  const [code] = await once(child, 'close')
  if (code === 0) return
  const reason = /^E: (.*)$/m.exec(readFileSync(log, 'utf8'))?.[1] ?? `exit code ${code}`
  throw new UsageError(`The hosts' Debian tree could not be built: ${reason} (all of it in ${log})`)
}

/** What a lived-in host has and a new tree lacks, and the files that let us in. */
function furnish(at: Places): void {
  const { base } = at
  mkdirSync(join(base, 'root/.ssh'), { recursive: true, mode: 0o700 })
  copyFileSync(`${at.identityFile}.pub`, join(base, 'root/.ssh/authorized_keys'))
  chmodSync(join(base, 'root/.ssh/authorized_keys'), 0o600)
  // No init runs there, so no package may start its daemon.
  writeFileSync(join(base, 'usr/sbin/policy-rc.d'), '#!/bin/sh\nexit 101\n')
  chmodSync(join(base, 'usr/sbin/policy-rc.d'), 0o755)
  writeFileSync(
    join(base, 'etc/hosts'),
    '127.0.0.1 localhost\n::1 localhost ip6-localhost ip6-loopback\n',
  )
  must('chroot', [base, 'apt-cache', 'gencaches'])
}

function must(program: string, args: readonly string[]): void {
  const { status, stderr, error } = spawnSync(program, args, { encoding: 'utf8' })
  if (status === 0) return
  throw new UsageError(`${program} failed: ${error?.message ?? stderr.trim()}`)
}
