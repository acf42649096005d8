import { hostname, userInfo } from 'node:os'
import { join } from 'node:path'
import { now } from '../../core/clock.ts'
import { exitCodes, UsageError } from '../../core/errors.ts'
import { provideSecrets } from '../../core/secret.ts'
import type { Playbook } from '../../core/task.ts'
import type { Event, PlannedPlay, Selection } from '../../engine/index.ts'
// Not the index: a list or a wrong word needs no SSH client, which takes its time to load.
import { plan } from '../../engine/plan.ts'
import type { LoginDefaults } from '../../engine/pool.ts'
import { type Inventory, load, loadProblem, select, unstartedLab } from '../../inventory/index.ts'
import { reporter } from '../../report/index.ts'
import { answers } from '../common/answers.ts'
import { given, type PlayArgs, readPlay } from '../common/args.ts'
import type { Context } from '../common/context.ts'
import { inventoryName, loginFor } from '../common/defaults.ts'
import { chosenOutput } from '../common/output.ts'
import { interruption } from '../common/signals.ts'
import { target } from '../playbooks/catalogue.ts'
import { allParameters, playOptionsFor, withParameters } from '../playbooks/parameters.ts'
import { typed, withAbsent, without } from './absent-host.ts'
import { playHelp } from './help.ts'
import { hostsText, tagsText, tasksText } from './listing.ts'

/** `npm run play`: lists or runs a playbook or a role; resolves with the exit code. */
export async function play(argv: readonly string[], context: Context): Promise<number> {
  const dir = join(context.root, 'playbooks')
  const args = readPlay(argv, await playOptionsFor(argv, dir))
  const [name, extra] = args.words
  if (name === undefined && argv.length > 0 && !args.help) {
    // A script whose variable is empty must not take the help for a converged run.
    throw new UsageError('Expected a playbook or role; npm run play lists them')
  }
  if (args.help || name === undefined) {
    context.stdout.write(await playHelp(context))
    return exitCodes.converged
  }
  const playbook = await target(name, dir)
  // A word too many may have been meant as an option: a second `--` makes `--check` a word.
  const [, , tooMany] = args.words
  if (tooMany !== undefined && playbook.asks) {
    throw new UsageError(`Expected one host behind ${name}, got \`${extra}\` and \`${tooMany}\``)
  }
  const chosen = inventoryName(args.inventory, context.env)
  const loaded = await load(chosen, join(context.root, 'inventory'))
  // What a run would do is known before the lab runs, so wrong names are told before it starts.
  const chosenIn = (inventory: Inventory) => {
    const own = withAbsent(playbook, inventory, extra, args.confirm)
    return withParameters(playbook, own, args.parameters, () => allParameters(dir))
  }
  const known = await chosenIn(
    loaded.kind === 'ready' ? loaded.inventory : loaded.build(unstartedLab),
  )
  const asked = selectionOf(args, known)
  const absent = playbook.asks === 'absent' ? extra : undefined
  const selection = absent ? without(absent, playbook, known, asked) : asked
  // Lists and checks of words need every task, and no task's secrets.
  provideSecrets((name) => `(secret ${name})`)
  const all = firstPlan(playbook, known)
  const planned = Object.keys(selection).length === 0 ? all : plan(playbook, known, selection)
  refuseEmpty(planned, playbook)
  if (args.list) {
    context.stdout.write(listings[args.list](planned, known))
    return exitCodes.converged
  }
  if (absent && !args.check && !playbook.tellsFirst) await typed(absent, args.confirm, context)
  const how = { ...args, login: await loginFor(known, args, context) }
  const { useSecrets, makeSecrets, secretFiles } = await import('../../secrets/secret-store.ts')
  if (loaded.kind === 'ready') {
    await useSecrets(known, secretFiles(known.name, context.env, context.root))
    return runOn(playbook, known, how, selection, context)
  }
  const lab = await import('../lab/lab-run.ts')
  const facts = await lab.bringUp(args.install, context)
  const files = await lab.secretFiles(context)
  // The lab's secrets live and die with it; those of its power switches it has made itself.
  await makeSecrets(known, files, await lab.givenSecrets(context))
  await useSecrets(known, files)
  const code = await runOn(playbook, await chosenIn(loaded.build(facts)), how, selection, context)
  // The lab's own recipe only: one built to be compared with is no state to return to.
  const whole = Object.keys(selection).length === 0 && name === 'site' && known.name === 'lab'
  if (code === exitCodes.converged && whole && !args.check) await lab.snapshot(context)
  return code
}

function selectionOf({ limit, tags, skipTags, startAt }: PlayArgs, inventory: Inventory) {
  return {
    ...(limit && { limit: select(inventory, limit) }),
    ...given('tags', tags),
    ...given('skipTags', skipTags),
    ...given('startAt', startAt),
  }
}

/** Whatever a role throws while it only makes its list is about the inventory it was given. */
function firstPlan(playbook: Playbook, inventory: Inventory): PlannedPlay[] {
  try {
    return plan(playbook, inventory)
  } catch (error) {
    if (error instanceof UsageError) throw error
    const text = `${playbook.name} cannot be run on inventory ${inventory.name}: ${loadProblem(error)}`
    throw new UsageError(text, { cause: error })
  }
}

function refuseEmpty(planned: readonly PlannedPlay[], playbook: Playbook): void {
  const tasks = planned.flatMap((one) => one.hosts.flatMap((host) => host.tasks))
  if (tasks.some(({ skip }) => !skip)) return
  throw new UsageError(
    `No task of ${playbook.name} is left with these options; --list-tasks lists them`,
  )
}

const listings = { tasks: tasksText, hosts: hostsText, tags: tagsText }

async function runOn(
  playbook: Playbook,
  inventory: Inventory,
  args: PlayArgs & { readonly login: LoginDefaults },
  selection: Selection,
  context: Context,
): Promise<number> {
  const { run } = await import('../../engine/index.ts')
  const { kind, options, note } = chosenOutput(args, context)
  const report = reporter(kind, options)
  const flight = new Set<string>()
  const titles = new Map<string, string>()
  const listener = (event: Event) => {
    follow(event, titles, flight)
    report.listener(event)
  }
  const stop = interruption((signal) => {
    const waiting = flight.size > 0 ? ` (${[...flight].sort().join('; ')})` : ''
    const text = `${signal}: the run stops after the changes under way${waiting}; press Ctrl-C again to stop at once`
    report.listener({ at: now(), type: 'notice', text })
  })
  if (note) context.stderr.write(`${note}\n`)
  const { lockPath } = inventory
  const how = {
    check: args.check,
    selection,
    forks: args.forks,
    ...args.login,
    signal: stop.signal,
    ask: answers(context, (work) => report.aside?.(work) ?? work()),
    ...(lockPath !== undefined && { lockPath: () => lockPath }),
    controller: `${userName(context.env)}@${hostname()} (process ${process.pid})`,
  }
  try {
    const { exitCode } = await run(playbook, inventory, how, listener)
    // A change that the signal cut short may count as failed: it was interrupted.
    const cutShort = stop.signal.aborted && exitCode !== exitCodes.converged
    return cutShort ? exitCodes.interrupted : exitCode
  } finally {
    stop.dispose()
    await report.end()
  }
}

/** In a container the user may have a number alone, which `userInfo` refuses. */
function userName(env: NodeJS.ProcessEnv): string {
  try {
    return userInfo().username
  } catch {
    return env.USER || `user ${process.getuid?.()}`
  }
}

/** Keeps the set of changes under way, which an interrupted run names. */
function follow(event: Event, titles: Map<string, string>, flight: Set<string>): void {
  if (event.type === 'play-start') {
    for (const { host, tasks } of event.hosts) {
      for (const task of tasks) titles.set(task.id, `${host} ${task.role}: ${task.title}`)
    }
  } else if (event.type === 'task-start' && event.phase === 'apply') {
    flight.add(titles.get(event.task) ?? event.task)
  } else if (event.type === 'task-end') {
    flight.delete(titles.get(event.task) ?? event.task)
  }
}
