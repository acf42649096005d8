import { fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { Event, EventBody } from '../lib/engine/events.ts'
import { type ReportKind, reporter } from '../lib/report/index.ts'

/**
 * What the display costs: replays the events of a run into each reporter, as fast as it takes them.
 *
 * One process a case, since a peak of memory belongs to a process:
 * `node --import tsx bench/display.ts [HOSTS …]`
 */

const tasks = 46
/** As many events as come in with one read from a host's connection. */
const atOnce = tasks
const kinds = ['plain', 'json', 'listr'] as const
const runs = ['converged', 'first'] as const

interface Case {
  readonly kind: ReportKind
  readonly run: (typeof runs)[number]
  readonly hosts: number
  readonly profile: boolean
}

interface Measured {
  readonly events: number
  readonly ms: number
  readonly bytes: number
  readonly peak: number
}

/** The events of a run; on a first one two tasks of three change something. */
function* replayed({ run, hosts: count }: Case): Generator<EventBody> {
  const hosts = Array.from({ length: count }, (_, index) => `host${index}`)
  yield { type: 'run-start', playbook: 'site', inventory: 'fleet', check: false, hosts }
  for (const host of hosts) yield { type: 'host-connected', host, ms: 50 }
  const refs = (host: string) =>
    Array.from({ length: tasks }, (_, index) => ({
      id: `0/${host}/${index}`,
      title: `/etc/service/file-${index}.conf`,
      role: 'service/configure',
      tags: ['service/configure', 'service', 'configure'],
    }))
  const planned = hosts.map((host) => ({ host, tasks: refs(host) }))
  yield { type: 'play-start', play: '0', title: 'Everything', hosts: planned }
  const half = tasks / 2
  const steps = [0, half].flatMap((from) => planned.map(({ host }) => ({ host, from })))
  // A barrier in the middle: all hosts are under way, none is done.
  for (const { host, from } of steps) {
    for (let index = from; index < from + half; index++) {
      const task = `0/${host}/${index}`
      yield { type: 'task-start', host, task, phase: 'check' }
      if (run === 'converged' || index % 3 === 0) {
        yield { type: 'task-end', host, task, status: 'ok', ms: 1 }
        continue
      }
      const diff = { path: `/etc/service/file-${index}.conf`, before: 'a\n', after: 'b\n' }
      const change = { summary: `${diff.path} differs`, diff }
      yield { type: 'task-start', host, task, phase: 'apply', change }
      yield { type: 'task-start', host, task, phase: 'recheck' }
      yield { type: 'task-end', host, task, status: 'changed', change, ms: 20 }
    }
  }
  yield { type: 'play-end', play: '0' }
  const counts = { wouldChange: 0, unknown: 0, skipped: 0, failed: 0, refused: 0 }
  const changed = run === 'first' ? tasks - Math.ceil(tasks / 3) : 0
  const recap = hosts.map((host) => {
    return { host, ok: tasks - changed, changed, ...counts, unreachable: false, ms: 1000 }
  })
  yield { type: 'run-end', recap, exitCode: 0, ms: 1000 }
}

/** Runs in a process of its own; what it reports goes to a pipe that somebody reads. */
async function measure(one: Case): Promise<Measured> {
  const began = Date.now()
  const events = [...replayed(one)].map((body, index): Event => {
    return { at: began + index / 100, ...body }
  })
  let bytes = 0
  const stdout = {
    write: (text: string) => {
      bytes += Buffer.byteLength(text)
      process.stdout.write(text)
    },
  }
  const report = reporter(one.kind, {
    stdout,
    columns: 120,
    rows: 24,
    isTTY: one.kind === 'listr',
    diff: false,
    verbose: false,
    ...(one.profile && { profile: { processStart: performance.timeOrigin } }),
  })
  const start = performance.now()
  for (const [index, event] of events.entries()) {
    report.listener(event)
    // The frames of the live tree are drawn between the events.
    if (index % atOnce === 0) await new Promise(setImmediate)
  }
  await report.end()
  const ms = performance.now() - start
  return { events: events.length, ms, bytes, peak: process.resourceUsage().maxRSS / 1024 }
}

function measuredApart(one: Case): Promise<Measured> {
  return new Promise((resolve, reject) => {
    const child = fork(fileURLToPath(import.meta.url), ['--case', JSON.stringify(one)], {
      stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
    })
    child.stdout?.resume()
    child.once('message', (message) => resolve(message as Measured))
    child.once('error', reject)
    child.once('exit', (code) => reject(new Error(`${JSON.stringify(one)} ended with ${code}`)))
  })
}

const heads = ['reporter', 'run', 'hosts', 'events', 'ms', 'µs/event', 'KiB', 'peak MiB'] as const

function row(cells: readonly (string | number)[]): string {
  const widths = [15, 9, 5, 7, 6, 8, 7, 8]
  return cells
    .map((cell, index) =>
      index < 2
        ? String(cell).padEnd(widths[index] ?? 0)
        : String(cell).padStart(widths[index] ?? 0),
    )
    .join('  ')
}

const argv = process.argv.slice(2)
if (argv[0] === '--case') {
  const measured = await measure(JSON.parse(argv[1] ?? ''))
  process.send?.(measured)
} else {
  const sizes = argv.length > 0 ? argv.map(Number) : [50, 500, 1000]
  process.stdout.write(`${row(heads)}\n`)
  for (const kind of kinds) {
    for (const profile of [false, true]) {
      for (const run of runs) {
        for (const hosts of sizes) {
          const { events, ms, bytes, peak } = await measuredApart({ kind, run, hosts, profile })
          const name = profile ? `${kind} --profile` : kind
          const each = ((ms * 1000) / events).toFixed(1)
          const cells = [name, run, hosts, events, ms.toFixed(0), each]
          const sizesOf = [(bytes / 1024).toFixed(0), peak.toFixed(0)]
          process.stdout.write(`${row([...cells, ...sizesOf])}\n`)
        }
      }
    }
  }
}
