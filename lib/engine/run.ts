import { now } from '../core/clock.ts'
import { exitCodeOf, exitCodes, Interrupted, sentence } from '../core/errors.ts'
import type { Playbook } from '../core/task.ts'
import type { Inventory } from '../inventory/types.ts'
import { converge, type Pending } from './converge.ts'
import type { EventBody, Listener } from './events.ts'
import { mapLimit } from './limit.ts'
import { type PlannedPlay, plan, type Selection } from './plan.ts'
import { type LoginDefaults, Pool } from './pool.ts'
import { Recap } from './recap.ts'
import { never } from './speculate.ts'
import { checkHost, lockPath, Turn, target } from './target.ts'

/** How a playbook is run. */
export interface RunOptions extends LoginDefaults {
  /** Changes nothing; says what would change. */
  readonly check: boolean
  readonly selection: Selection
  /** Hosts worked on at once. */
  readonly forks: number
  /** Aborted when the user interrupts: nothing new begins, what runs may end. */
  readonly signal: AbortSignal
  /** Who runs this and where from; the next run reads it in the lock's message. */
  readonly controller: string
  /** The file whose lock lets one run at a time change a host; `/run/tandem/run.lock` unless given. */
  readonly lockPath?: (host: string) => string
}

/** Runs a playbook and tells every event; resolves with the exit code, never rejects for a host. */
export async function run(
  playbook: Playbook,
  inventory: Inventory,
  options: RunOptions,
  listener: Listener,
): Promise<{ readonly exitCode: number }> {
  const plays = plan(playbook, inventory, options.selection)
  const names = [...new Set(plays.flatMap((play) => play.hosts.map(({ host }) => host)))]
  const recap = new Recap(names)
  const emit = (body: EventBody) => {
    const event = { at: now(), ...body }
    recap.add(event)
    listener(event)
  }
  const began = Date.now()
  const { check, lockPath: lockOf = () => lockPath } = options
  const title = { playbook: playbook.name, inventory: inventory.name }
  emit({ type: 'run-start', ...title, check, hosts: names })
  for (const text of noticesOf(plays)) emit({ type: 'notice', text })
  const pool = new Pool(inventory, {
    ...options,
    emit,
    lock: (host) => {
      // A peer outside the selection is only asked, and a run that changes nothing needs no lock.
      if (check || playbook.readOnly || !names.includes(host)) return undefined
      return {
        path: lockOf(host),
        holder: options.controller,
        onWait: (text) => emit({ type: 'notice', host, text }),
        signal: options.signal,
      }
    },
  })
  let exitCode: number | undefined
  try {
    const parts = { pool, inventory, options, emit, lockOf }
    if (await reachAll(names, parts)) await runPlays(plays, parts)
  } catch (error) {
    exitCode = exitCodeOf(error)
    if (exitCode !== exitCodes.interrupted) emit({ type: 'notice', text: sentence(error) })
  } finally {
    await pool.close()
  }
  exitCode ??= recap.exitCode
  emit({ type: 'run-end', recap: recap.hosts, exitCode, ms: Date.now() - began })
  return { exitCode }
}

/** What the tasks of a run have to say whatever they find, each sentence once. */
function noticesOf(plays: readonly PlannedPlay[]): readonly string[] {
  const tasks = plays.flatMap((play) => play.hosts.flatMap((host) => host.tasks))
  const texts = tasks.flatMap(({ skip, task: { notice } }) => (skip || !notice ? [] : [notice]))
  return [...new Set(texts)]
}

/** What all parts of a run share. */
interface Run {
  readonly pool: Pool
  readonly inventory: Inventory
  readonly options: RunOptions
  readonly emit: (event: EventBody) => void
  readonly lockOf: (host: string) => string
}

/** Connects to every host and takes its lock before the first task of any, so none is left half done. */
async function reachAll(names: readonly string[], { pool, options, emit }: Run): Promise<boolean> {
  const reached = await mapLimit(names, options.forks, async (host) => {
    if (options.signal.aborted) throw new Interrupted('interrupted')
    try {
      await pool.connection(host)
      return true
    } catch (error) {
      if (error instanceof Interrupted) throw error
      emit({ type: 'host-unreachable', host, error: sentence(error) })
      return false
    }
  })
  return reached.every(Boolean)
}

async function runPlays(plays: readonly PlannedPlay[], run: Run): Promise<void> {
  const { pool, inventory, options, emit, lockOf } = run
  const { check, signal, forks } = options
  const turn = new Turn()
  const pending = new Map<string, Pending>()
  for (const play of plays) {
    const hosts = await inOrder(play, run)
    emit({ type: 'play-start', play: play.id, title: play.title, hosts })
    const step: Step = ({ host, tasks }, segment) => {
      const state = pending.get(host) ?? { any: false, files: new Set() }
      pending.set(host, state)
      const own = { turn, emit, interrupted: signal, lockPath: lockOf(host) }
      return converge(
        tasks.filter((task) => task.segment === segment),
        target(host, pool, inventory, own),
        { check, keepGoing: play.keepGoing, signal, emit },
        state,
      )
    }
    let well = true
    // In a serial play each host is a group of its own.
    for (const group of play.serial ? hosts.map((one) => [one]) : [hosts]) {
      well &&= await sideBySide(group, play, forks, step)
    }
    emit({ type: 'play-end', play: play.id })
    if (!well) return
  }
}

type Hosts = PlannedPlay['hosts']
type Step = (one: Hosts[number], segment: number) => Promise<boolean>

async function sideBySide(
  hosts: Hosts,
  { segments, serial, keepGoing }: PlannedPlay,
  forks: number,
  step: Step,
): Promise<boolean> {
  let well = true
  for (let segment = 0; segment < segments; segment++) {
    const all = await mapLimit(hosts, forks, (one) => step(one, segment))
    well = well && all.every(Boolean)
    // A barrier that one host of a pair does not reach must stop the other, unless everything is to be told.
    if (!well && (serial || !keepGoing)) return false
  }
  return well
}

async function inOrder(play: PlannedPlay, { pool, inventory, options }: Run): Promise<Hosts> {
  if (!play.order || play.hosts.length < 2) return play.hosts
  let order: readonly string[]
  try {
    const hosts = play.hosts.map(({ host }) => checkHost(pool, host, never))
    order = await play.order(hosts, inventory.vars)
  } catch (error) {
    // Check mode on a new host: what would be asked for the order is not installed yet.
    if (options.check) return play.hosts
    throw error
  }
  return order.flatMap((name) => play.hosts.filter(({ host }) => host === name))
}
