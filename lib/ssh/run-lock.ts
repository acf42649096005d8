import { dirname } from 'node:path/posix'
import { setTimeout as sleep } from 'node:timers/promises'
import { Interrupted, Unreachable } from '../core/errors.ts'
import { quote } from '../core/quote.ts'
import type { Output } from '../core/task.ts'

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
  /** Who holds it, in one line, for the message of a run that is refused. */
  readonly holder: string
  readonly onWait?: ((text: string) => void) | undefined
  readonly limitMs?: number | undefined
  /** Ends a wait: nothing of this run is on the host yet. */
  readonly signal?: AbortSignal | undefined
}

// A question or a change may last this long on a host of usual speed.
const defaultLimitMs = 15 * 60_000

/**
 * Takes a host's lock, or throws `Unreachable` naming who has it; waits for what an earlier run
 * whose controller died has left running, and gives the lock up if it must.
 */
export async function lockHost(name: string, inner: Inner, o: LockOptions): Promise<void> {
  const { onWait = () => {}, limitMs = defaultLimitMs } = o
  const until = Date.now() + limitMs
  let said = false
  for (;;) {
    goesOn(name, o.signal)
    const tried = await take(name, inner, o, lookScript(o.path))
    if (!('leftover' in tried)) return waitForCommands(name, inner, o, tried, until)
    if (Date.now() >= until) {
      throw new Unreachable(
        `${name}: ${tried.leftover} after ${Math.round(limitMs / 1000)} s and keeps the lock ${o.path}`,
      )
    }
    if (!said) onWait(`${tried.leftover}; waiting for it, at most ${Math.round(limitMs / 1000)} s`)
    said = true
  }
}

/** Takes the lock without waiting for commands: those that run now are this run's own. */
export async function takeLock(name: string, inner: Inner, o: LockOptions): Promise<void> {
  const tried = await take(name, inner, o, ':')
  if ('leftover' in tried) {
    throw new Unreachable(`${name}: ${tried.leftover} and keeps the lock ${o.path}`)
  }
}

// A shell that has lost its connection goes on until its command ends, and keeps the lock. So a
// holder leaves the number and start time of the process that carries its connection: the first
// one above it that is no sudo or su. Only builtins: a free lock must not cost a fork more.
const holderFunctions = `tandem_stat() {
  read -r tandem_line <"/proc/$1/stat" || return
  tandem_name=\${tandem_line#*(}
  set -- \${tandem_line##*) }
  tandem_state=$1 tandem_parent=$2 tandem_born=\${20}
}
tandem_carrier() {
  tandem_pid=$PPID
  while tandem_stat "$tandem_pid" || return; do
    case $tandem_name in 'sudo) '* | 'su) '*) tandem_pid=$tandem_parent ;; *) break ;; esac
  done
  printf '%s %s %s\\n' "$$" "$tandem_pid" "$tandem_born"
}
tandem_holder() {
  read -r tandem_who
  read -r tandem_shell tandem_pid tandem_birth
  if [ -z "$tandem_birth" ] ||
    { tandem_stat "$tandem_pid" 2>/dev/null && [ "$tandem_born" = "$tandem_birth" ] &&
      [ "$tandem_state" != Z ]; }
  then printf 'held\\n%s\\n' "$tandem_who"
  else
    printf 'left\\n%s\\n%s\\n\\n' "$tandem_who" "$tandem_shell"
    ps -eo pid=,ppid=,args=
  fi
}`

/** The output of `next`, or what a run that is no more left running. */
type Tried = Output | { readonly leftover: string }

/** Tries to take the lock and, in the same request, runs `next`. */
async function take(
  name: string,
  inner: Inner,
  { path, holder }: LockOptions,
  next: string,
): Promise<Tried> {
  const [file, folder] = [quote(path), quote(dirname(path))]
  const tried = await inner(
    // The subshell finds out whether the file can be opened: a failing `exec` would end the shell.
    // The shell of a run that has just ended may need a moment to find that out.
    `${holderFunctions}
( [ -d ${folder} ] || mkdir -m 0755 ${folder}; umask 077; : >>${file} ) && exec 9>>${file} &&
if flock -w 2 9; then
  { printf '%s\\n' ${quote(holder)} && { tandem_carrier 2>/dev/null || :; }; } >${file} &&
  echo taken && { ${next}
}; else [ $? = 1 ] && tandem_holder <${file}; exec 9>&-; fi`,
  )
  const [answer, ...lines] = tried.stdout.split('\n')
  if (answer === 'taken') return { ...tried, stdout: lines.join('\n') }
  const [holding, ...shell] = lines
  const who = holding?.trim() || 'it does not say who'
  if (answer === 'held') {
    throw new Unreachable(`${name}: another run holds the lock ${path}: ${who}`)
  }
  if (answer === 'left') {
    const command = `${who}, ${running(shell)}`
    return { leftover: `a command that a killed run left behind (${command}) still runs` }
  }
  throw new Unreachable(`${name}: cannot lock ${path}: ${lastLine(tried) || 'no reason given'}`)
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
  { path: lockPath, onWait = () => {}, limitMs = defaultLimitMs, signal }: LockOptions,
  first: Output,
  until: number,
): Promise<void> {
  let said = ''
  for (let looked = first; ; looked = await inner(lookScript(lockPath))) {
    const [answer, ...lines] = looked.stdout.split('\n')
    if (answer === 'free') return
    if (answer !== 'busy') {
      await inner('exec 9>&-')
      throw new Unreachable(`${name}: cannot lock ${busyPathOf(lockPath)}: ${lastLine(looked)}`)
    }
    if (signal?.aborted) await inner('exec 9>&-')
    goesOn(name, signal)
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

function goesOn(name: string, signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw new Interrupted(`${name}: interrupted while it waited for the lock`)
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
      // The command itself may be below further shells, or a sudo.
      let last: (typeof processes)[number] | undefined
      for (let pid = shell; ; pid = last.pid) {
        const child = processes.find(({ parent }) => parent === pid)
        if (!child) return last ? `pid ${last.pid}, ${last.args.slice(0, 120)}` : `pid ${shell}`
        last = child
      }
    })
  return found.join('; ') || 'pid unknown'
}

const lastLine = ({ stderr }: Output) => stderr.trim().split('\n').at(-1) ?? ''
