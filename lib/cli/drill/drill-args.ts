import { Refusal, UsageError } from '../../core/errors.ts'
import type { Drill } from '../../drill/drill.ts'
import { unknownName } from '../../inventory/index.ts'
import { given, read } from '../common/args.ts'
import { drillOptions } from './drill-options.ts'

/** What was asked for. */
export interface DrillArgs {
  readonly only?: readonly string[]
  readonly rounds: number
  /** A node's name, or `either`. */
  readonly active: string
  readonly skipCompare: boolean
  readonly yes: boolean
  readonly confirm?: string
  readonly json?: string
  readonly html?: string
  readonly list: boolean
  readonly control: boolean
  readonly inventory?: string
  readonly install: boolean
  readonly help: boolean
}

/** Reads the words behind `npm run play drill`. */
export function readDrill(argv: readonly string[]): DrillArgs {
  const { words, flag, text, list } = read(argv, drillOptions)
  const [word] = words
  if (word !== undefined) {
    throw new UsageError(`Expected only options after drill, got \`${word}\`: --only ${word}?`)
  }
  return {
    ...given('only', list('only')),
    rounds: Number(text('rounds') ?? 1),
    active: text('active') ?? 'either',
    skipCompare: flag('skip-compare'),
    yes: flag('yes'),
    ...given('confirm', text('confirm')),
    ...given('json', text('json')),
    ...given('html', text('html')),
    list: flag('list'),
    control: flag('control'),
    ...given('inventory', text('inventory')),
    install: flag('install'),
    help: flag('help'),
  }
}

/** The drills of those names, in the usual order; throws UsageError for a name that is none. */
export function chosenDrills<D extends Pick<Drill, 'name'>>(
  drills: readonly D[],
  only?: readonly string[],
  kind = 'drill',
): D[] {
  const names = drills.map(({ name }) => name)
  for (const word of only ?? []) {
    if (!names.includes(word)) throw new UsageError(unknownName(kind, word, names))
  }
  return drills.filter(({ name }) => !only || only.includes(name))
}

/** The node that is to serve, or `either`; throws UsageError for one that the inventory has not. */
export function chosenActive(active: string, nodes: readonly string[]): string {
  const names = [...nodes, 'either']
  if (!names.includes(active)) throw new UsageError(unknownName('node', active, names))
  return active
}

/** What may be drilled without asking: decided before anything is connected to. */
export type Consent = 'given' | 'ask for yes' | 'ask for the name'

/** What the inventory and the words say of it, with the terminal as the last way to consent. */
export function consentOf(
  { yes, confirm, inventory: named }: DrillArgs,
  inventory: { readonly name: string; readonly production: boolean },
  terminal: boolean,
  what: string,
): Consent {
  const { name, production } = inventory
  if (confirm !== undefined && confirm !== name) {
    throw new UsageError(`--confirm ${confirm} is not the name of the inventory, ${name}`)
  }
  if (!production) {
    if (yes || confirm === name) return 'given'
    if (terminal) return 'ask for yes'
    throw new UsageError(`${what}: add --yes, or answer on a terminal`)
  }
  // A setting or a variable may name an inventory; production must be meant by whoever types.
  const how = `--inventory ${name} --confirm ${name}`
  if (named === undefined) {
    throw new Refusal(`${name} is a production inventory: drills want ${how}`)
  }
  if (confirm === name) return 'given'
  if (terminal) return 'ask for the name'
  throw new Refusal(`${name} is a production inventory, and --yes is not enough: add ${how}`)
}
