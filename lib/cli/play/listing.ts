import type { PlannedPlay } from '../../engine/index.ts'
import type { Inventory } from '../../inventory/index.ts'

/** The tasks a run would walk through, host by host where their lists differ. */
export function tasksText(plays: readonly PlannedPlay[]): string {
  const lines: string[] = []
  for (const play of plays) {
    lines.push(`${play.title}${play.serial ? ' (one host after another)' : ''}`)
    for (const { hosts, rows } of sameLists(play)) {
      lines.push(`  ${hosts.join(', ')}`)
      for (const row of rows) lines.push(`    ${row}`)
    }
  }
  return `${lines.join('\n')}\n`
}

function sameLists(play: PlannedPlay): { hosts: string[]; rows: string[] }[] {
  const groups = new Map<string, { hosts: string[]; rows: string[] }>()
  for (const { host, tasks } of play.hosts) {
    const chosen = tasks.filter(({ skip }) => !skip)
    const rows = chosen.map(({ role, title, task }) => `${role}: ${title}${marks(task)}`)
    if (rows.length === 0) rows.push('(no tasks)')
    const key = rows.join('\n')
    const group = groups.get(key) ?? { hosts: [], rows }
    group.hosts.push(host)
    groups.set(key, group)
  }
  return [...groups.values()]
}

function marks(task: { destroys?: unknown; disruptive?: unknown }): string {
  const words = [task.destroys ? 'guarded' : '', task.disruptive ? 'interrupts service' : '']
  const said = words.filter(Boolean).join(', ')
  return said ? `  [${said}]` : ''
}

/** The hosts a run would work on: name, address, groups. */
export function hostsText(plays: readonly PlannedPlay[], inventory: Inventory): string {
  const names = [...new Set(plays.flatMap((play) => play.hosts.map(({ host }) => host)))]
  const width = Math.max(0, ...names.map((name) => name.length))
  const lines = names.map((name) => {
    const address = inventory.hosts[name]?.connection.address ?? ''
    const groups = Object.entries(inventory.groups)
      .filter(([, members]) => members.includes(name))
      .map(([group]) => group)
    return `${name.padEnd(width)}  ${address}  ${groups.join(', ')}`.trimEnd()
  })
  return `${lines.join('\n')}\n`
}

/** The tags of the tasks a run would walk through, with how many tasks each has. */
export function tagsText(plays: readonly PlannedPlay[]): string {
  const titles = new Map<string, Set<string>>()
  for (const { hosts } of plays) {
    for (const task of hosts.flatMap(({ tasks }) => tasks)) {
      if (task.skip) continue
      for (const tag of task.tags) {
        const set = titles.get(tag) ?? new Set()
        titles.set(tag, set.add(`${task.role}: ${task.title}`))
      }
    }
  }
  const width = Math.max(0, ...[...titles.keys()].map((tag) => tag.length))
  const lines = [...titles].sort(([a], [b]) => (a < b ? -1 : 1))
  return lines
    .map(([tag, set]) => `${tag.padEnd(width)}  ${set.size} ${set.size === 1 ? 'task' : 'tasks'}\n`)
    .join('')
}
