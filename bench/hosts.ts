import { spawn } from 'node:child_process'
import { closeSync, mkdirSync, openSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { UsageError } from '../lib/core/errors.ts'
import { mapLimit } from '../lib/engine/limit.ts'
import { needPrograms } from './base.ts'
import { addressOf, nodeOf, numbers, type Places, ports } from './places.ts'

const script = join(import.meta.dirname, 'host.sh')
const startMs = 20_000
/** Enough to keep every processor busy, and few enough that none waits long for its turn. */
const startedAtOnce = 16

/** A host's own folder. */
export const hostDir = (at: Places, host: number) => join(at.hosts, String(host))

/** The pid of a host's sshd, if it lives and is really that one. */
export function pidOf(at: Places, host: number): number | undefined {
  const pid = Number(read(join(hostDir(at, host), 'pid')))
  if (!Number.isInteger(pid) || pid < 2) return undefined
  // sshd writes its title over its arguments, with blanks between.
  const words = read(`/proc/${pid}/cmdline`).split(/[\0 ]/)
  return words.includes(`ListenAddress=${addressOf(host)}:${ports.direct}`) ? pid : undefined
}

function read(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return ''
  }
}

/** Ends all hosts and forgets their changes, also those of a run that was killed. */
export async function down(at: Places): Promise<void> {
  const pids = known(at).flatMap((host) => pidOf(at, host) ?? [])
  for (const pid of pids) end(pid)
  // A host's mounts end with its last process, a moment later than the process itself.
  for (const pid of pids) while (isAlive(pid)) await sleep(5)
  rmSync(at.hosts, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 })
}

/** `count` fresh hosts, and no others. */
export async function reset(at: Places, count: number): Promise<void> {
  needPrograms(['unshare', 'mount', 'chroot', 'mknod'])
  await down(at)
  await mapLimit(numbers(count), startedAtOnce, (host) => {
    start(at, host)
    return untilUp(at, host)
  })
}

function known(at: Places): number[] {
  try {
    return readdirSync(at.hosts).map(Number).filter(Number.isInteger)
  } catch {
    return []
  }
}

function end(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {}
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

function start(at: Places, host: number): void {
  const dir = hostDir(at, host)
  for (const part of ['upper', 'work', 'root']) mkdirSync(join(dir, part), { recursive: true })
  const log = openSync(join(dir, 'log'), 'w')
  const name = `M${nodeOf(host)}.redhat.sx`
  spawn(
    'unshare',
    [
      ...['--mount', '--uts', '--pid', '--fork', '--kill-child', '--'],
      ...['sh', script, at.base, dir, addressOf(host), String(ports.direct), name],
    ],
    { stdio: ['ignore', log, log], detached: true },
  ).unref()
  closeSync(log)
}

async function untilUp(at: Places, host: number): Promise<void> {
  const log = join(hostDir(at, host), 'log')
  for (const until = Date.now() + startMs; Date.now() < until; await sleep(10)) {
    if (pidOf(at, host) && read(log).includes('Server listening')) return
  }
  throw new UsageError(`Host ${host} did not start: ${read(log).trim() || 'its sshd said nothing'}`)
}
