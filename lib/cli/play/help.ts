import { join } from 'node:path'
import { available } from '../../inventory/index.ts'
import { helpText } from '../common/args.ts'
import { type Context, columnsOf } from '../common/context.ts'
import { loadPlaybook, playbookNames, roleTargets } from '../playbooks/catalogue.ts'
import { allParameters, optionsWith } from '../playbooks/parameters.ts'

const examples = `Examples (the -- in the middle keeps npm from taking the options for itself):
  npm run play site                                everything, on the lab
  npm run play site -- --check --diff              what would change, and how
  npm run play ROLE -- --limit HOST                one role on one host
  npm run play site -- --inventory production      on the real machines`

/** What `npm run play` alone says: the playbooks, the roles, the inventories, the options. */
export async function playHelp(context: Context): Promise<string> {
  const dir = join(context.root, 'playbooks')
  const names = await playbookNames(dir)
  const width = Math.max(0, ...names.map((name) => name.length))
  const lines: string[] = ['Playbooks:']
  const roles: string[] = []
  for (const name of names) {
    try {
      const playbook = await loadPlaybook(name, dir)
      if (name === 'site') roles.push(...roleTargets(playbook))
      lines.push(`  ${name.padEnd(width)}  ${playbook.description}`)
    } catch {
      // One broken file must not hide the others.
      lines.push(`  ${name.padEnd(width)}  (does not load; npm run play ${name} says why)`)
    }
  }
  const drill = 'Breaks the pair on purpose, watched by a client; --help names the drills'
  lines.push(names.length === 0 ? '  (none)' : `  ${'drill'.padEnd(width)}  ${drill}`)
  if (roles.length > 0) lines.push('', 'Roles of site:', ...wrapped(roles, columnsOf(context)))
  const inventories = await available(join(context.root, 'inventory'))
  lines.push('', `Inventories: ${inventories.join(', ') || '(none)'}`, '', examples)
  const options = optionsWith(await allParameters(dir))
  const usage = 'npm run play PLAYBOOK|ROLE -- [OPTIONS]'
  return `${await helpText(usage, options, columnsOf(context), lines.join('\n'))}\n`
}

/** Words in lines narrower than `columns`, indented by two. */
function wrapped(words: readonly string[], columns: number): string[] {
  const line = new RegExp(`\\S{${columns - 3},}|\\S.{0,${columns - 4}}(?!\\S)`, 'g')
  return (words.join(' ').match(line) ?? []).map((text) => `  ${text}`)
}
