import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { host, vars } from '../inventory/schema.ts'
import { type Option, playOptions, secretsOptions } from '../lib/cli/common/option-table.ts'
import { drillOptions } from '../lib/cli/drill/drill-options.ts'
import { verbs } from '../lib/cli/lab/lab-verbs.ts'
import { loadPlaybook, playbookNames, roleNames } from '../lib/cli/playbooks/catalogue.ts'
import { placeholders } from '../lib/cli/playbooks/parameters.ts'
import { exitCodes } from '../lib/core/errors.ts'
import { without } from '../lib/drill/environment.ts'
import set from '../playbooks/drills/index.ts'

const root = join(import.meta.dirname, '..')

/** A table of Markdown; a bar within a cell would end the cell. */
function table(heads: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`
  return [line(heads), line(heads.map(() => '---')), ...rows.map(line)].join('\n')
}

function options(all: Readonly<Record<string, Option>>): string {
  const rows = Object.entries(all).map(([name, { short, value, about, choices }]) => [
    `\`${short === undefined ? '' : `-${short}, `}--${name}${value === undefined ? '' : ` ${value}`}\``,
    choices ? `${about}: ${choices.join(', ')}` : about,
  ])
  return table(['option', 'what it does'], rows)
}

async function playbooks(): Promise<string> {
  const dir = join(root, 'playbooks')
  const rows = await Promise.all(
    (await playbookNames(dir)).map(async (name) => {
      const { description, parameters = {}, asks } = await loadPlaybook(name, dir)
      const own = Object.entries(parameters).map(
        ([key, { kind, about }]) => `\`--${key} ${placeholders[kind]}\`: ${about}`,
      )
      const word = asks === 'absent' ? ['a host that is off, as a word behind the playbook'] : []
      return [`\`${name}\``, description, [...word, ...own].join('; ')]
    }),
  )
  return table(['playbook', 'what it does', 'what it takes'], rows)
}

function drills(): string {
  const rows = set.drills.map(({ name, about, needs }) => [
    `\`${name}\``,
    about,
    needs.map((ability) => without[ability]).join('; '),
  ])
  return table(['drill', 'what it does', 'why only the lab does it'], rows)
}

const codes: Readonly<Record<keyof typeof exitCodes, string>> = {
  converged: 'everything is as it should be now',
  usage: 'wrong words or a wrong inventory; nothing was changed',
  failed: 'a task failed, or `verify` found something wrong',
  unreachable: 'a host cannot be reached',
  refused:
    'a guard refused, because data could be lost or the service interrupted; `verify` found what every run would refuse, such as a power switch that does not answer',
  interrupted: 'Ctrl-C, or another signal',
}

/** What JSON Schema says of a key, as far as it is told here. */
interface Schema {
  readonly title?: string
  readonly type?: string
  readonly const?: unknown
  readonly enum?: readonly unknown[]
  readonly anyOf?: readonly Schema[]
  readonly oneOf?: readonly Schema[]
  readonly items?: Schema
  readonly minimum?: number
  readonly maximum?: number
  readonly default?: unknown
  readonly properties?: Readonly<Record<string, Schema>>
  readonly required?: readonly string[]
}

function kindOf(schema: Schema): string {
  const { anyOf, oneOf, type, minimum, maximum, items } = schema
  if (schema.title !== undefined) return schema.title
  if (schema.const !== undefined) return JSON.stringify(schema.const)
  if (schema.enum) return schema.enum.map((one) => JSON.stringify(one)).join(', ')
  const several = anyOf ?? oneOf
  if (several) return [...new Set(several.map(kindOf))].join(' or ')
  if (type === 'array') return `a list of ${items ? kindOf(items) : 'values'}`
  if (type === 'integer' || type === 'number') {
    const bounded = (limit: number | undefined) =>
      limit !== undefined && Math.abs(limit) < Number.MAX_SAFE_INTEGER
    if (bounded(minimum) && bounded(maximum)) return `${minimum} to ${maximum}`
    return bounded(minimum) ? `a number from ${minimum} on` : 'a number'
  }
  if (type === 'object') return shapeOf(schema)
  if (type === 'string') return 'text'
  return type === 'boolean' ? '`true` or `false`' : (type ?? 'a value that TypeScript checks')
}

/** The keys of an object, for a cell; the one that tells it from others comes first. */
const shapeOf = ({ properties = {} }: Schema): string =>
  `{ ${Object.entries(properties)
    .map(([key, value]) =>
      value.const === undefined ? key : `${key}: ${JSON.stringify(value.const)}`,
    )
    .join(', ')} }`

function keys(schema: Schema, about: ReadonlyMap<string, string>, path = ''): string[][] {
  return Object.entries(schema.properties ?? {}).flatMap(([key, value]) => {
    const own = `${path}${key}`
    const isWanted = schema.required?.includes(key) ?? false
    const standing =
      value.default !== undefined
        ? `\`${JSON.stringify(value.default)}\``
        : isWanted
          ? '**wanted**'
          : ''
    if (value.properties) return keys(value, about, `${own}.`)
    const [of] = own.split('.')
    return [[`\`${own}\``, kindOf(value), standing, about.get(own) ?? about.get(of ?? '') ?? '']]
  })
}

/**
 * What stands as a comment before each key of the schema that `const NAME = …` begins, by the key's path: the schema
 * says it once, for editors and for this page.
 */
function commentsOf(source: string, name: string): ReadonlyMap<string, string> {
  const found = new Map<string, string>()
  const from = source.search(new RegExp(`^(?:export )?const ${name} = `, 'm'))
  const text = source.slice(from, from + source.slice(from).search(/^\}\)$|^ {2}\}\)$/m))
  const above: { readonly indent: number; readonly key: string }[] = []
  for (const [, comment, indent = '', key = ''] of text.matchAll(
    /(?:\/\*\*((?:(?!\*\/)[\s\S])*)\*\/\n)?^( +)(\w+)(?::|,$)/gm,
  )) {
    while ((above.at(-1)?.indent ?? -1) >= indent.length) above.pop()
    above.push({ indent: indent.length, key })
    if (comment === undefined) continue
    const sentence = comment.replaceAll(/\s*\n\s*\*\s?/g, ' ').trim()
    found.set(above.map((one) => one.key).join('.'), sentence)
  }
  return found
}

const schemaOf = (schema: z.ZodType): Schema =>
  z.toJSONSchema(schema, { unrepresentable: 'any', io: 'input' }) as Schema

function inventory(): string {
  const source = readFileSync(join(root, 'inventory/schema.ts'), 'utf8')
  const heads = ['key', 'takes', 'default', 'what it is']
  const machines = schemaOf(host).oneOf ?? []
  const hosts = machines.flatMap((machine) => {
    const kind = String(machine.properties?.kind?.const)
    return keys(machine, commentsOf(source, kind)).map(([key = '', ...rest]) => [
      `${kind}: ${key}`,
      ...rest,
    ])
  })
  return [
    'Made from `inventory/schema.ts`.',
    '',
    '### `vars` of the site',
    '',
    table(heads, keys(schemaOf(vars), commentsOf(source, 'vars'))),
    '',
    '### `vars` of a host',
    '',
    table(heads, hosts),
  ].join('\n')
}

/** The reference, made from the code itself: what can be typed, and what it means. */
export async function referenceText(): Promise<string> {
  const site = await loadPlaybook('site', join(root, 'playbooks'))
  const verbRows = Object.entries(verbs).map(([name, { words, about }]) => [
    `\`${[name, words].filter(Boolean).join(' ')}\``,
    about,
  ])
  const exit = Object.entries(exitCodes).map(([name, code]) => [
    String(code),
    codes[name as keyof typeof exitCodes],
  ])
  const parts = [
    ['Playbooks: `npm run play PLAYBOOK -- [OPTIONS]`', await playbooks()],
    [
      'Roles of site',
      `Each may be played alone, as may all behind one word (\`drbd\`), with the guards of the whole: ${roleNames(
        site,
      )
        .map((name) => `\`${name}\``)
        .join(', ')}.`,
    ],
    ['Options of play', options(playOptions)],
    ['Drills: `npm run play drill -- [OPTIONS]`', drills()],
    ['Options of drill', options(drillOptions)],
    ['The lab: `npm run lab VERB`', table(['verb', 'what it does'], verbRows)],
    ['Secrets: `npm run secrets -- INVENTORY`', options(secretsOptions)],
    ['Exit codes', table(['code', 'what it means'], exit)],
    ['Keys of an inventory', inventory()],
  ]
  const text = parts.map(([title, body]) => `## ${title}\n\n${body}\n`).join('\n')
  return `# Reference\n\nMade from the code by \`npm run docs\`; a test fails where it is stale.\n\n${text}`
}
