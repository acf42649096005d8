import { type ChildProcess, spawn } from 'node:child_process'
import { resolve } from 'node:path'
import { createInterface } from 'node:readline'
import type { Event, HostRecap } from '../../lib/engine/index.ts'

/** How a command of ours ended. */
export interface Ended {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

/** How a playbook ended: its events as told with `--output json`. */
export interface Played extends Ended {
  readonly events: readonly Event[]
  readonly recap: readonly HostRecap[]
}

const main = resolve(import.meta.dirname, '../../lib/launch/start.cjs')

function start(words: readonly string[], cwd?: string): ChildProcess {
  return spawn(process.execPath, [main, ...words], { cwd, stdio: ['ignore', 'pipe', 'pipe'] })
}

async function ended(child: ChildProcess): Promise<Ended> {
  let stdout = ''
  let stderr = ''
  child.stdout?.on('data', (chunk) => {
    stdout += chunk
  })
  child.stderr?.on('data', (chunk) => {
    stderr += chunk
  })
  const code = await new Promise<number | null>((resolve) => child.on('close', resolve))
  return { code, stdout, stderr }
}

/** `npm run lab …` without npm. */
export function lab(...words: string[]): Promise<Ended> {
  return ended(start(['lab', ...words]))
}

/** Runs a shell line on a machine; throws unless it exits 0. Returns its standard output. */
export async function on(host: string, script: string): Promise<string> {
  const { code, stdout, stderr } = await lab('exec', host, '--', script)
  if (code !== 0) throw new Error(`${host}: ${script}\nexit code ${code}\n${stderr}${stdout}`)
  return stdout
}

/** `npm run play …` with its events, in this folder or another; `watch` sees each as it happens and may kill the run. */
export async function play(
  words: readonly string[],
  watch: (event: Event, kill: () => void) => void = () => {},
  folder?: string,
): Promise<Played> {
  const child = start(['play', ...words, '--output', 'json'], folder)
  const events: Event[] = []
  const lines = createInterface({ input: child.stdout as NodeJS.ReadableStream })
  lines.on('line', (line) => {
    const event = JSON.parse(line) as Event
    events.push(event)
    watch(event, () => child.kill('SIGKILL'))
  })
  const end = await ended(child)
  const last = events.findLast((event) => event.type === 'run-end')
  return { ...end, events, recap: last?.type === 'run-end' ? last.recap : [] }
}

/** Every task's end with `role: title` in front of it. */
function ends({ events }: Played) {
  const titles = new Map(
    events.flatMap((event) =>
      event.type === 'play-start'
        ? event.hosts.flatMap(({ tasks }) =>
            tasks.map((task) => [task.id, `${task.role}: ${task.title}`] as const),
          )
        : [],
    ),
  )
  return events.flatMap((event) =>
    event.type === 'task-end' ? [{ ...event, title: titles.get(event.task) }] : [],
  )
}

/** `HOST role: title: reason` of every task that failed or was refused. */
export function complaints(played: Played): string[] {
  return ends(played)
    .filter(({ status }) => status === 'failed' || status === 'refused')
    .map(({ host, title, reason }) => `${host} ${title}: ${reason}`)
}

/** Titles of the tasks that ended with a status, by host: `M1 role: title`. */
export function titled(played: Played, wanted: string): string[] {
  return ends(played)
    .filter(({ status }) => status === wanted)
    .map(({ host, title }) => `${host} ${title}`)
}

/** Everything about a run that helps to understand why it was not as wanted. */
export function story(played: Played): string {
  return [`exit code ${played.code}`, ...complaints(played), played.stderr].join('\n')
}

/** Waits on a machine until a shell condition holds; tells DRBD's and heartbeat's state at the end of its patience. */
export const until = (host: string, condition: string, seconds = 180): Promise<string> =>
  on(
    host,
    `i=0; until { ${condition}; }; do i=$((i+1)); [ $i -lt ${seconds} ] || { echo 'never: '${JSON.stringify(condition)} >&2; cat /proc/drbd >&2; tail -n 20 /var/log/ha-log >&2; exit 1; }; sleep 1; done`,
  )

/** Waits until both disks of the share are the same, as this node's DRBD sees it. */
export const connected = (host: string, seconds = 180): Promise<string> =>
  until(host, `grep -q '^ 0: cs:Connected .* ds:UpToDate/UpToDate' /proc/drbd`, seconds)

/** Waits until heartbeat on a node is at rest. */
export const settled = (host: string): Promise<string> =>
  until(host, `case $(cl_status rscstatus) in all|local|foreign|none) ;; *) false ;; esac`, 300)

/** Goes back to a snapshot; throws unless that worked. */
export async function reset(level: 'clean' | 'converged'): Promise<void> {
  const { code, stderr } = await lab('reset', level)
  if (code !== 0) throw new Error(`lab reset ${level}: exit code ${code}\n${stderr}`)
}

/** Runs a playbook that must end with an exit code; the run, and what it complained about. */
export async function ran(words: readonly string[], code: number) {
  const run = await play(words)
  if (run.code !== code) {
    throw new Error(
      `npm run play ${words.join(' ')}: expected exit code ${code}, got ${story(run)}`,
    )
  }
  return { run, said: complaints(run).join('\n') }
}

/**
 * Kills the run when it begins to change what matches as `role: title`, or when it says that, once; on this host where one is
 * named.
 */
export function killer(at: RegExp, host?: string) {
  const state = { killed: false }
  const ids = new Set<string>()
  const isHere = (name: string) => host === undefined || name === host
  const watch = (event: Event, kill: () => void) => {
    if (event.type === 'play-start')
      for (const each of event.hosts)
        for (const { id, role, title } of each.tasks)
          if (isHere(each.host) && at.test(`${role}: ${title}`)) ids.add(id)
    const here =
      (event.type === 'task-start' && event.phase === 'apply' && ids.has(event.task)) ||
      (event.type === 'task-progress' && isHere(event.host) && at.test(event.text))
    if (!here || state.killed) return
    state.killed = true
    kill()
  }
  return { state, watch }
}
