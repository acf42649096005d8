import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { UsageError } from '../../core/errors.ts'
import type { Play, Playbook, Role } from '../../core/task.ts'
import { importFile } from '../../inventory/import-file.ts'
import { loadProblem, unknownName } from '../../inventory/index.ts'

/** The playbook a name of a role is looked up in: the one that builds everything. */
export const whole = 'site'

/** Names of the playbooks in `dir`, sorted. */
export async function playbookNames(dir: string): Promise<string[]> {
  const files = await readdir(dir).catch(() => {
    throw new UsageError(
      `Expected a folder ${dir}; run this from the folder Tandem's package.json is in`,
    )
  })
  return files
    .filter((file) => file.endsWith('.ts') && !file.endsWith('.test.ts') && !/^[._]/.test(file))
    .map((file) => file.slice(0, -'.ts'.length))
    .sort()
}

/** Loads one playbook; throws UsageError where the file cannot be loaded. */
export async function loadPlaybook(name: string, dir: string): Promise<Playbook> {
  const what = 'a playbook as its default export'
  return loadExport(join(dir, `${name}.ts`), `playbooks/${name}.ts`, 'default', what, isPlaybook)
}

/** Loads what a file of the root exports under a name; `shown` is the file's name in messages, `what` what it must be. */
export async function loadExport<T>(
  path: string,
  shown: string,
  name: string,
  what: string,
  is: (value: unknown) => value is T,
): Promise<T> {
  const loaded = await importFile(path).catch((error: unknown) => {
    throw new UsageError(`${shown} does not load: ${loadProblem(error)}`, { cause: error })
  })
  const found = loaded[name]
  if (is(found)) return found
  throw new UsageError(`${shown}: expected ${what}`)
}

function isPlaybook(value: unknown): value is Playbook {
  return typeof value === 'object' && value !== null && 'plays' in value && 'name' in value
}

/** Role names in the order they are first used, each once. */
export function roleNames(playbook: Playbook): string[] {
  return [...new Set(playbook.plays.flatMap((play) => play.roles.map(({ name }) => name)))]
}

/** What a role may be asked for by: its name and every part before a slash. */
export function roleTargets(playbook: Playbook): string[] {
  const names = roleNames(playbook).flatMap((name) => {
    const parts = name.split('/')
    return parts.map((_, index) => parts.slice(0, index + 1).join('/'))
  })
  return [...new Set(names)]
}

const isPart = (part: string, whole: string) => part === whole || part.startsWith(`${whole}/`)

const within = ({ name: role, broughtBy = [] }: Role<never, never>, name: string) =>
  isPart(role, name) || broughtBy.some((one) => isPart(one, name) || isPart(name, one))

/**
 * The playbook reduced to one role, its parts, and `preflight`, which proves that the hosts are
 * what the other roles expect; undefined when it has no such role.
 */
export function onlyRole(playbook: Playbook, name: string): Playbook | undefined {
  if (!playbook.plays.some(({ roles }) => roles.some((role) => within(role, name))))
    return undefined
  const plays = playbook.plays
    .map((play): Play => {
      const roles = play.roles.filter((role) => within(role, name) || within(role, 'preflight'))
      return { ...play, roles }
    })
    .filter(({ roles }) => roles.length > 0)
  return { ...playbook, name, description: `${name}, as in ${playbook.name}`, plays }
}

/** The playbook of that name, else `site` reduced to the role of that name. */
export async function target(name: string, dir: string): Promise<Playbook> {
  const names = await playbookNames(dir)
  if (names.includes(name)) return loadPlaybook(name, dir)
  const site = names.includes(whole) ? await loadPlaybook(whole, dir) : undefined
  const role = site && onlyRole(site, name)
  if (role) return role
  const roles = site ? roleTargets(site) : []
  throw new UsageError(unknownName('playbook or role', name, [...names, 'drill', ...roles]))
}
