import { now } from '../core/clock.ts'
import { exitCodeOf, exitCodes, Interrupted, sentence } from '../core/errors.ts'
import type { Playbook } from '../core/task.ts'
import type { Inventory } from '../inventory/types.ts'
import { converge, type Pending } from './converge.ts'
import type { EventBody, Listener } from './events.ts'
import { mapLimit } from './limit.ts'
import type { LoginDefaults } from './login.ts'
import { type PlannedPlay, plan, type Selection } from './plan.ts'
import { Pool } from './pool.ts'
import { Recap } from './recap.ts'
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
  emit({
    type: 'run-start',
    playbook: playbook.name,
    inventory: inventory.name,
    check: options.check,
    hosts: names,
  })
  for (const text of noticesOf(plays)) emit({ type: 'notice', text })
  const pool = new Pool(inventory, {
    ...options,
    emit,
    lock: (host) => {
      // A peer outside the selection is only asked, and a run that changes nothing needs no lock.
      if (options.check || playbook.readOnly || !names.includes(host)) return undefined
      return {
        path: lockOf(host, options),
        holder: options.controller,
        onWait: (text) => emit({ type: 'notice', host, text }),
        signal: options.signal,
      }
    },
  })
  let exitCode: number | undefined
  try {
    if (await reachAll(names, pool, options, emit)) {
      await runPlays(plays, pool, inventory, options, emit)
    }
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

/** Connects to every host and takes its lock before the first task of any, so none is left half done. */
async function reachAll(
  names: readonly string[],
  pool: Pool,
  options: RunOptions,
  emit: (event: EventBody) => void,
): Promise<boolean> {
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

function lockOf(host: string, options: RunOptions): string {
  return options.lockPath?.(host) ?? lockPath
}

async function runPlays(
  plays: readonly PlannedPlay[],
  pool: Pool,
  inventory: Inventory,
  options: RunOptions,
  emit: (event: EventBody) => void,
): Promise<void> {
  const turn = new Turn()
  const pending = new Map<string, Pending>()
  for (const play of plays) {
    const hosts = await inOrder(play, pool, inventory, options.check)
    emit({ type: 'play-start', play: play.id, title: play.title, hosts })
    const step: Step = ({ host, tasks }, segment) => {
      const state = pending.get(host) ?? { any: false, files: new Set() }
      pending.set(host, state)
      return converge(
        tasks.filter((task) => task.segment === segment),
        target(host, pool, inventory, {
          turn,
          emit,
          interrupted: options.signal,
          lockPath: lockOf(host, options),
        }),
        { check: options.check, keepGoing: play.keepGoing, signal: options.signal, emit },
        state,
      )
    }
    let well = true
    // In a serial play each host is a group of its own.
    for (const group of play.serial ? hosts.map((one) => [one]) : [hosts]) {
      well &&= await sideBySide(group, play, options.forks, step)
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

async function inOrder(
  play: PlannedPlay,
  pool: Pool,
  inventory: Inventory,
  check: boolean,
): Promise<Hosts> {
  if (!play.order || play.hosts.length < 2) return play.hosts
  const live = new AbortController().signal
  let order: readonly string[]
  try {
    order = await play.order(
      play.hosts.map(({ host }) => checkHost(pool, host, live)),
      inventory.vars,
    )
  } catch (error) {
    // Check mode on a new host: what would be asked for the order is not installed yet.
    if (check) return play.hosts
    throw error
  }
  return order.flatMap((name) => play.hosts.filter(({ host }) => host === name))
}
