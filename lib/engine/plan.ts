import { UsageError } from '../core/errors.ts'
import { usualPlatform } from '../core/platform-name.ts'
import { nearest, unknownName } from '../core/suggest.ts'
import type { Play, Playbook, Task } from '../core/task.ts'
import type { HostEntry, Inventory } from '../inventory/types.ts'
import type { TaskRef } from './events.ts'

/** Which part of a playbook runs; everything left out means everything. */
export interface Selection {
  /** Host names, already resolved from `--limit`. */
  readonly limit?: readonly string[]
  readonly tags?: readonly string[]
  readonly skipTags?: readonly string[]
  /** Title of the first task that runs (tasks tagged `always` run before it too). */
  readonly startAt?: string
}

/** A task in its place; `segment` counts the barriers before it. */
export interface PlannedTask extends TaskRef {
  readonly task: Task
  readonly segment: number
  readonly skip: boolean
}

/** One play with the task list of each of its hosts. */
export interface PlannedPlay {
  readonly id: string
  readonly title: string
  readonly serial: boolean
  readonly order: Play['order']
  readonly keepGoing: boolean
  readonly segments: number
  readonly hosts: readonly { readonly host: string; readonly tasks: readonly PlannedTask[] }[]
}

/** Host names of a group; `all` is every host. Throws UsageError for a group that is not there. */
export function groupHosts(inventory: Inventory, group: string): readonly string[] {
  if (group === 'all') return Object.keys(inventory.hosts)
  const hosts = inventory.groups[group]
  if (hosts && Object.hasOwn(inventory.groups, group)) return hosts
  const known = ['all', ...Object.keys(inventory.groups)].join(', ')
  throw new UsageError(
    `inventory ${inventory.name}: expected a group \`${group}\`, which the playbook runs on; there are: ${known}`,
  )
}

function wanted(selection: Selection, tags: readonly string[]): boolean {
  if (tags.includes('always')) return true
  if (selection.skipTags?.some((tag) => tags.includes(tag))) return false
  return !selection.tags || selection.tags.some((tag) => tags.includes(tag))
}

function hostTasks(
  play: Play,
  playId: string,
  inventory: Inventory,
  host: string,
  group: readonly string[],
  selection: Selection,
): PlannedTask[] {
  const facts = (name: string) => {
    // Whoever loaded the inventory has seen that its groups name nothing but its hosts.
    const { platform = usualPlatform, vars } = inventory.hosts[name] as HostEntry<unknown>
    return { name, platform, vars }
  }
  const context = {
    host: facts(host),
    others: group.filter((name) => name !== host).map(facts),
    vars: inventory.vars,
  }
  let segment = 0
  const planned: PlannedTask[] = []
  for (const role of play.roles) {
    for (const task of role.tasks(context)) {
      if (task.barrier) segment++
      if (task.onlyOn !== undefined && !group.includes(task.onlyOn)) {
        throw new UsageError(
          `role ${role.name}, task \`${task.title}\`: expected onlyOn to be a host of the play (${group.join(', ')}), got ${task.onlyOn}`,
        )
      }
      // A role's name and its parts are tags, so `--tags drbd` means every drbd/… role.
      const tags = [...new Set([...(task.tags ?? []), role.name, ...role.name.split('/')])]
      const id = `${playId}/${host}/${planned.length}`
      const skip = !wanted(selection, tags)
      planned.push({ id, title: task.title, role: role.name, tags, task, segment, skip })
    }
  }
  return planned
}

/** Skips every task before the one named, except those tagged `always`. */
function startAt(plays: PlannedPlay[], title: string, all: readonly PlannedTask[]): PlannedPlay[] {
  const namesOf = (task: PlannedTask) => [task.title, `${task.role}: ${task.title}`]
  const named = (task: PlannedTask) => namesOf(task).includes(title)
  const first = plays.findIndex((play) => play.hosts.some(({ tasks }) => tasks.some(named)))
  if (first < 0) {
    const guess = nearest(title, [...new Set(all.flatMap(namesOf))])
    const hint = guess === undefined || guess === title ? ';' : `, did you mean \`${guess}\`?`
    throw new UsageError(`No task is called \`${title}\`${hint} --list-tasks names them`)
  }
  return plays.map((play, index) => ({
    ...play,
    hosts: play.hosts.map(({ host, tasks }) => {
      const at = index === first ? tasks.findIndex(named) : index < first ? tasks.length : 0
      // A host without the named task starts where the others do: at the same place of the list.
      const rest = tasks.map((task, place) =>
        place < at && !task.tags.includes('always') ? { ...task, skip: true } : task,
      )
      return { host, tasks: rest }
    }),
  }))
}

/** Lists what a playbook would run, in order, without any connection. */
export function plan(
  playbook: Playbook,
  inventory: Inventory,
  selection: Selection = {},
): PlannedPlay[] {
  const all: PlannedTask[] = []
  const plays = playbook.plays.map((play, index): PlannedPlay => {
    const id = String(index)
    const group = groupHosts(inventory, play.hosts)
    const every = group.map((host) => ({
      host,
      tasks: hostTasks(play, id, inventory, host, group, selection),
    }))
    for (const { tasks } of every) all.push(...tasks)
    const hosts = every.filter(({ host }) => !selection.limit || selection.limit.includes(host))
    const counts = hosts.map(({ tasks }) => tasks.filter(({ task }) => task.barrier).length)
    if (new Set(counts).size > 1) {
      const each = hosts.map(({ host }, at) => `${host} has ${counts[at]}`).join(', ')
      throw new UsageError(
        `play \`${play.title}\`: expected the same number of barriers on every host, got: ${each}; a role must return the same barriers on each`,
      )
    }
    return {
      id,
      title: play.title,
      serial: play.serial ?? false,
      order: play.order,
      keepGoing: play.keepGoing ?? false,
      segments: (counts[0] ?? 0) + 1,
      hosts,
    }
  })
  const { tags = [], skipTags = [] } = selection
  const known = [...new Set(all.flatMap((task) => task.tags))].sort()
  const unknown = [...tags, ...skipTags].find((tag) => !known.includes(tag))
  if (unknown !== undefined) throw new UsageError(unknownName('tag', unknown, known))
  if (skipTags.includes('always')) {
    throw new UsageError(
      'Tasks tagged `always` guard the others: --skip-tags cannot leave them out',
    )
  }
  return selection.startAt === undefined ? plays : startAt(plays, selection.startAt, all)
}
