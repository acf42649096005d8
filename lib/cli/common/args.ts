import yargsParser from 'yargs-parser'
import { UsageError } from '../../core/errors.ts'
import { nearest } from '../../inventory/index.ts'
import type { ReportKind } from '../../report/index.ts'
import { type Option, playOptions } from './option-table.ts'

type Options = Readonly<Record<string, Option>>

/** One-letter names, with the options that they stand for. */
const shorts = (options: Options) =>
  Object.fromEntries(
    Object.entries(options).flatMap(([name, { short }]) => (short ? [[short, name]] : [])),
  )

/** `-CD` is `-C -D`; a parser that does this by itself would cut `-limit` into letters too. */
function letters(word: string, options: Options): string[] {
  const long = shorts(options)
  const all = /^-(\w{2,})$/.exec(word)?.[1] ?? ''
  const isGroup = all !== '' && [...all].every((one) => options[long[one] ?? '']?.kind === 'flag')
  return isGroup ? [...all].map((one) => `-${one}`) : [word]
}

function parse(argv: readonly string[], options: Options) {
  const named = (flag: boolean) =>
    Object.keys(options).filter((name) => (options[name]?.kind === 'flag') === flag)
  const end = argv.indexOf('--') >>> 0
  const words = argv.flatMap((word, place) => (place < end ? letters(word, options) : word))
  return yargsParser.detailed(words, {
    alias: shorts(options),
    boolean: named(true),
    string: named(false),
    // NaN is one value that must be there, where 1 would take an option for it.
    narg: Object.fromEntries(named(false).map((name) => [name, Number.NaN])),
    configuration: {
      'camel-case-expansion': false,
      'dot-notation': false,
      'parse-numbers': false,
      'parse-positional-numbers': false,
      'short-option-groups': false,
    },
  })
}

/** The text of `--help`: usage, options and what the caller puts around them. */
export async function helpText(
  usage: string,
  options: Options,
  columns: number,
  epilogue: string,
): Promise<string> {
  // Loaded for a text alone: it measures words with tables that take longer than to connect.
  const { default: yargs } = await import('yargs')
  const made = yargs([]).locale('en').help(false).version(false)
  for (const [name, { kind, about, value, choices, short }] of Object.entries(options)) {
    const described = kind === 'flag' ? about : `${value}: ${about}`
    const describe = choices ? `${described} (${choices.join(', ')})` : described
    const type = kind === 'flag' ? 'boolean' : 'string'
    made.option(name, { ...given('alias', short), type, describe })
  }
  const text = await made.usage(usage).wrap(columns).epilogue(epilogue).getHelp()
  // yargs would mark each as [string] or [boolean], which says nothing the text does not.
  return text.replaceAll(/ +\[(string|boolean)\]/g, '')
}

/**
 * Reads words without a dash, and options strictly; throws UsageError in one sentence with the option that was
 * likely meant.
 */
export function read(argv: readonly string[], options: Options) {
  const names = Object.keys(options)
  const long = shorts(options)
  refuseFlagValues(argv, options)
  const { argv: parsed, error } = parse(argv, options)
  if (error) {
    const missing = /following: (\S+)/.exec(error.message)?.[1]
    if (missing === undefined) throw error
    const name = long[missing] ?? missing
    throw new UsageError(`Expected ${options[name]?.value} after --${name}, got nothing`)
  }
  for (const [name, value] of Object.entries(parsed)) {
    if (name === '_' || Object.hasOwn(long, name)) continue
    const option = Object.hasOwn(options, name) ? options[name] : undefined
    const dashes = name.length === 1 ? '-' : '--'
    if (!option) {
      const guess = nearest(name, names)
      const all = names.map((one) => `--${one}`).join(', ')
      const rest = guess ? `, did you mean --${guess}? There are:` : '; there are:'
      throw new UsageError(`Unknown option ${dashes}${name}${rest} ${all}`)
    }
    checkValue(name, option, value)
  }
  return {
    words: parsed._.map(String),
    flag: (name: string): boolean => parsed[name] === true,
    text: (name: string): string | undefined =>
      typeof parsed[name] === 'string' ? parsed[name] : undefined,
    list: (name: string): string[] | undefined => {
      const value = parsed[name]
      if (value === undefined) return undefined
      return [value].flat().flatMap((part) => String(part).split(','))
    },
  }
}

/** yargs would read `--check=yes` as false, and a run would change what it was only to look at. */
function refuseFlagValues(argv: readonly string[], options: Options): void {
  const long = shorts(options)
  for (const word of argv) {
    if (word === '--') return
    const [, dashes, given = '', value] = /^(--?)([^=]+)=(.*)$/s.exec(word) ?? []
    const names = Object.hasOwn(options, given)
      ? [given]
      : [...given].map((letter) => long[letter] ?? letter)
    const name = names.find((one) => options[one]?.kind === 'flag')
    if (name === undefined || (dashes === '--' && /^(true|false)$/.test(value ?? ''))) continue
    throw new UsageError(`Expected --${name} without a value, got \`${value}\``)
  }
}

function checkValue(name: string, option: Option, value: unknown): void {
  if (value === undefined) return
  const got = Array.isArray(value) ? value.map((one) => `\`${one}\``).join(' and ') : `\`${value}\``
  if (option.kind === 'flag') {
    // -vvv says no more than -v.
    if ([value].flat().every((one) => one === [value].flat()[0] && typeof one === 'boolean')) return
    throw new UsageError(`Expected --${name} once and without a value, got ${got}`)
  }
  if (option.kind === 'words' && Array.isArray(value)) return
  if (typeof value !== 'string' || value === '') {
    throw new UsageError(`Expected one value for --${name} (${option.value}), got ${got}`)
  }
  if (option.kind === 'count' && !/^[1-9]\d{0,3}$/.test(value)) {
    throw new UsageError(`Expected --${name} to be an integer 1–9999, got ${got}`)
  }
  if (option.choices && !option.choices.includes(value)) {
    const guess = nearest(value, option.choices)
    throw new UsageError(
      `Expected --${name} to be one of ${option.choices.join(', ')}, got ${got}${guess ? `; did you mean ${guess}?` : ''}`,
    )
  }
}

/** A property, or none where there is no value: an optional one must not be there as undefined. */
export function given<K extends string, T>(key: K, value: T | undefined): { [P in K]?: T } {
  return (value === undefined ? {} : { [key]: value }) as { [P in K]?: T }
}

/** The arguments of `npm run play`; `options` has those of playbooks' parameters too. */
export function readPlay(argv: readonly string[], options: Options = playOptions) {
  const { words, flag, text, list } = read(argv, options)
  const lists = (['tasks', 'hosts', 'tags'] as const).filter((what) => flag(`list-${what}`))
  if (lists.length > 1) {
    const all = '--list-tasks, --list-hosts, --list-tags'
    throw new UsageError(`Expected one of ${all}, got ${lists.length}`)
  }
  // What was given for the parameters of playbooks, by their names.
  const parameters: Record<string, string | readonly string[]> = {}
  for (const [name, { kind }] of Object.entries(options)) {
    const value = kind === 'words' ? list(name) : text(name)
    if (value !== undefined && !Object.hasOwn(playOptions, name)) parameters[name] = value
  }
  return {
    words,
    check: flag('check'),
    diff: flag('diff'),
    ...given('limit', list('limit')),
    ...given('tags', list('tags')),
    ...given('skipTags', list('skip-tags')),
    ...given('startAt', text('start-at')),
    ...given('list', lists[0]),
    forks: Number(text('forks') ?? 50),
    verbose: flag('verbose'),
    profile: flag('profile'),
    ...given('output', text('output') as ReportKind | undefined),
    parameters,
    ...given('confirm', text('confirm')),
    ...given('inventory', text('inventory')),
    ...given('user', text('user')),
    askBecomePass: flag('ask-become-pass'),
    install: flag('install'),
    help: flag('help'),
  }
}

/** The values of options as read from the command line. */
export type PlayArgs = Readonly<ReturnType<typeof readPlay>>
