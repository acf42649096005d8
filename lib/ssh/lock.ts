import { setTimeout as sleep } from 'node:timers/promises'
import { Unreachable } from '../errors.ts'
import type { Output } from '../task.ts'
import { quote } from './quote.ts'

/** Runs text in the session's own shell, which is what keeps the lock's file descriptor open. */
export type Inner = (script: string) => Promise<Output>

const pollMs = 500

/** The file that the commands of a run hold a shared lock on. */
export function busyPathOf(lockPath: string): string {
  return `${lockPath}.busy`
}

/** Where a run holds its lock, and how it waits for what an earlier run left. */
export interface LockOptions {
  readonly path: string
  /** Who holds it, for the message of a run that is refused. */
  readonly holder: string
  readonly onWait?: ((text: string) => void) | undefined
  readonly limitMs?: number | undefined
}

const defaultLimitMs = 15 * 60_000

/**
 * Takes a host's lock, or throws `Unreachable` naming who has it; then waits for the commands of an
 * earlier run whose controller died, and gives the lock up if it must.
 */
export async function lockHost(name: string, inner: Inner, o: LockOptions): Promise<void> {
  const first = await take(name, inner, o, lookScript(o.path))
  await waitForCommands(name, inner, o, first)
}

/** Takes the lock without waiting for commands: those that run now are this run's own. */
export async function takeLock(name: string, inner: Inner, o: LockOptions): Promise<void> {
  await take(name, inner, o, ':')
}

/** Takes the lock and, in the same request, runs `next`; gives what that wrote. */
async function take(
  name: string,
  inner: Inner,
  { path, holder }: LockOptions,
  next: string,
): Promise<Output> {
  const file = quote(path)
  const taken = await inner(
    // The subshell finds out whether the file can be opened: a failing `exec` would end the shell.
    // The shell of a run that has just ended may need a moment to find that out.
    `( umask 077; : >>${file} ) && exec 9>>${file} &&
if flock -w 2 9; then printf '%s\\n' ${quote(holder)} >${file} && echo taken && { ${next}
}; else [ $? = 1 ] && echo held && cat ${file}; exec 9>&-; fi`,
  )
  const [answer, ...text] = taken.stdout.split('\n')
  if (answer === 'held') {
    const who = text.join(' ').trim() || 'it does not say who'
    throw new Unreachable(`${name}: another run holds the lock ${path}: ${who}`)
  }
  if (answer !== 'taken') {
    throw new Unreachable(`${name}: cannot lock ${path}: ${lastLine(taken) || 'no reason given'}`)
  }
  return { ...taken, stdout: text.join('\n') }
}

/** Says `free`, or `busy` with the recorded commands and all processes. */
function lookScript(lockPath: string): string {
  const file = quote(busyPathOf(lockPath))
  return `( umask 077; : >>${file} ) && exec 8>>${file} &&
if flock -n 8; then : >${file}; echo free; exec 8>&-
else [ $? = 1 ] && echo busy; exec 8>&-; cat ${file}; echo; ps -eo pid=,ppid=,args=; fi`
}

async function waitForCommands(
  name: string,
  inner: Inner,
  { path: lockPath, onWait = () => {}, limitMs = defaultLimitMs }: LockOptions,
  first: Output,
): Promise<void> {
  const until = Date.now() + limitMs
  let said = ''
  for (let looked = first; ; looked = await inner(lookScript(lockPath))) {
    const [answer, ...lines] = looked.stdout.split('\n')
    if (answer === 'free') return
    if (answer !== 'busy') {
      await inner('exec 9>&-')
      throw new Unreachable(`${name}: cannot lock ${busyPathOf(lockPath)}: ${lastLine(looked)}`)
    }
    const commands = running(lines)
    if (Date.now() >= until) {
      await inner('exec 9>&-')
      const minutes = Math.round(limitMs / 60_000)
      throw new Unreachable(
        `${name}: a command of an earlier run is still running after ${minutes} min (${commands})`,
      )
    }
    const text = `waiting for a command of an earlier run to end (${commands})`
    if (text !== said) onWait(text)
    said = text
    await sleep(pollMs)
  }
}

/** What the recorded shells are running, for example `pid 4711, apt-get install -y drbd-utils`. */
function running(lines: readonly string[]): string {
  const gap = lines.indexOf('')
  const shells = lines.slice(0, gap).map((line) => line.trim())
  const processes = lines.slice(gap + 1).flatMap((line) => {
    const [, pid, parent, args] = /^\s*(\d+)\s+(\d+)\s+(.*)$/.exec(line) ?? []
    return pid && parent ? [{ pid, parent, args: args ?? '' }] : []
  })
  const found = shells
    .filter((shell) => processes.some(({ pid }) => pid === shell))
    .map((shell) => {
      const child = processes.find(({ parent }) => parent === shell)
      return child ? `pid ${child.pid}, ${child.args.slice(0, 120)}` : `pid ${shell}`
    })
  return found.join('; ') || 'pid unknown'
}

function lastLine(output: Output): string {
  return output.stderr.trim().split('\n').at(-1) ?? ''
}
