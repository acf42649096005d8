import { UsageError } from '../../core/errors.ts'
import type { Parameter, Playbook } from '../../core/task.ts'
import { groupHosts } from '../../engine/plan.ts'
import { type Inventory, unknownName } from '../../inventory/index.ts'
import { type Option, playOptions } from '../common/option-table.ts'
import { loadPlaybook, playbookNames, whole } from './catalogue.ts'

/** What was given for parameters, by their names. */
export type Given = Readonly<Record<string, string | readonly string[]>>

/** A parameter, and the playbooks that take it. */
export interface Known extends Parameter {
  readonly takers: readonly string[]
}

/**
 * The parameters of all playbooks in a folder; one that does not load has none, nor has a folder that is not there. Throws
 * UsageError where one has the name of an option of play, or is of two kinds.
 */
export async function allParameters(dir: string): Promise<ReadonlyMap<string, Known>> {
  const known = new Map<string, Known>()
  for (const name of await playbookNames(dir).catch(() => [])) {
    const playbook = await loadPlaybook(name, dir).catch(() => undefined)
    for (const [key, parameter] of Object.entries(playbook?.parameters ?? {})) {
      const before = known.get(key)
      if (Object.hasOwn(playOptions, key)) {
        throw new UsageError(
          `playbooks/${name}.ts: expected a parameter that is no option of play, got ${key}`,
        )
      }
      if (before && before.kind !== parameter.kind) {
        throw new UsageError(
          `playbooks/${name}.ts: expected the parameter ${key} to be of kind ${before.kind}, as for ${before.takers.join(' and ')}, got ${parameter.kind}`,
        )
      }
      known.set(key, { ...parameter, ...before, takers: [...(before?.takers ?? []), name] })
    }
  }
  return known
}

/** What a parameter's value looks like. */
export const placeholders: Readonly<Record<Parameter['kind'], string>> = {
  host: 'HOST',
  devices: 'HOST:DEVICE',
}

/** The options of `npm run play`; if a given option is not one of them, also the parameters of all playbooks. */
export async function playOptionsFor(
  words: readonly string[],
  dir: string,
): Promise<Readonly<Record<string, Option>>> {
  const isKnown = (word: string) => {
    const name = /^--?(?:no-)?([^=]+)/.exec(word)?.[1]
    return name === undefined || Object.hasOwn(playOptions, name)
  }
  if (words.every(isKnown)) return playOptions
  // Where the playbook itself does not load, that is what is wrong, and not an option of its own.
  const names = await playbookNames(dir)
  const meant = words.find((word) => names.includes(word)) ?? whole
  if (names.includes(meant)) await loadPlaybook(meant, dir)
  return optionsWith(await allParameters(dir))
}

/** The same for known parameters. */
export function optionsWith(known: ReadonlyMap<string, Known>): Readonly<Record<string, Option>> {
  const options: Record<string, Option> = { ...playOptions }
  for (const [name, { kind, about, takers }] of known) {
    const says = { value: placeholders[kind], about: `${takers.join(', ')}: ${about}` }
    options[name] = { kind: kind === 'devices' ? 'words' : 'text', ...says }
  }
  return options
}

/**
 * The inventory with what was given for a playbook's parameters among its variables. Throws UsageError where one is
 * missing, is no host of the playbook's, or is none of its own.
 */
export async function withParameters(
  playbook: Playbook,
  inventory: Inventory,
  given: Given,
  known: () => Promise<ReadonlyMap<string, Known>>,
): Promise<Inventory> {
  const own = playbook.parameters ?? {}
  for (const name of Object.keys(given)) {
    if (Object.hasOwn(own, name)) continue
    const takers = (await known()).get(name)?.takers ?? []
    throw new UsageError(`${playbook.name} takes no --${name}: only ${sentenceOf(takers)}`)
  }
  const taken = Object.keys(own).find((name) => Object.hasOwn(inventory.vars as object, name))
  if (taken !== undefined) {
    throw new UsageError(
      `playbooks/${playbook.name}.ts: expected a parameter with a name of its own, got \`${taken}\`, which is a variable of inventory ${inventory.name}`,
    )
  }
  const hosts = groupHosts(inventory, playbook.plays[0]?.hosts ?? 'all')
  for (const [name, parameter] of Object.entries(own)) check(name, parameter, given[name], hosts)
  if (Object.keys(given).length === 0) return inventory
  return { ...inventory, vars: { ...(inventory.vars as object), ...given } }
}

const sentenceOf = (takers: readonly string[]): string =>
  takers.length === 1 ? `${takers[0]} does` : `${takers.join(' and ')} do`

function check(
  name: string,
  { kind, about, required }: Parameter,
  value: string | readonly string[] | undefined,
  hosts: readonly string[],
): void {
  if (value === undefined) {
    if (!required) return
    throw new UsageError(`Expected --${name} with ${about}, one of ${hosts.join(', ')}; got none`)
  }
  for (const word of [value].flat()) {
    const host = kind === 'host' ? word : /^([^:/]+):\/./.exec(word)?.[1]
    if (host === undefined) {
      throw new UsageError(
        `Expected --${name} ${placeholders.devices}, such as ${hosts[0]}:/dev/sdb, got \`${word}\``,
      )
    }
    if (!hosts.includes(host)) throw new UsageError(unknownName('host', host, hosts))
  }
}
