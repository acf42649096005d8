import { nearest } from '../inventory/index.ts'
import { labOptions, type Option, playOptions } from './options.ts'

/**
 * `npm run play site --check` hands nothing to the script: npm takes every option before a second
 * `--` for its own configuration, leaves `npm_config_check=true` in the environment, and the run
 * would change what it was only to look at. The rule that finds this, without punishing settings:
 *
 * 1. A key that some .npmrc sets is a setting.
 * 2. A key that npm already found in its own environment is a setting too (/proc tells, on
 *    Linux), unless it is exactly an option of ours that npm does not know itself: an outer
 *    `npm run` has then swallowed it and handed it down.
 * 3. What remains came from the command line. It is refused where it is an option of ours, nearly
 *    one, or a word for one (`--dry-run`); where rule 2 could be decided, also any other key,
 *    except those that are about how npm runs a script.
 */
export interface NpmSources {
  /** The texts of the .npmrc files npm reads. */
  readonly npmrc: readonly string[]
  /** The environment npm was started with; undefined where the system does not tell. */
  readonly inherited?: Readonly<Record<string, string>>
}

/** Keys npm exports by itself, and options that people give npm on purpose when they run a script. */
const npmsOwn = new Set(
  `cache globalconfig global_prefix init_module local_prefix node_gyp noproxy npm_version prefix
  user_agent userconfig loglevel color progress unicode timing logs_dir logs_max script_shell shell
  foreground_scripts ignore_scripts if_present workspace workspaces include_workspace_root
  node_options nodedir update_notifier offline prefer_offline prefer_online registry fund audit omit
  include production cafile ca strict_ssl proxy https_proxy heading usage editor engine_strict
  allow_scripts viewer global location`.split(/\s+/),
)

/** Options of ours that npm has a use for: inherited, they are settings of npm. */
const shared = new Set(['diff', 'tag', 'json', 'dry_run', 'yes', 'force'])

/** What people type when they mean an option of ours. */
const meanings: Readonly<Record<string, string>> = { dry_run: '--check', json: '--output json' }

/** What npm took from a command line. */
interface Taken {
  /** As typed, for the message. */
  readonly typed: string
  readonly name: string
  readonly option?: Option
  readonly value: string
}

function setIn(npmrc: readonly string[]): Set<string> {
  const keys = npmrc.flatMap((text) =>
    [...text.matchAll(/^\s*([^#;\s=[][^=\s[]*)\s*(?:\[\])?\s*(?:=|$)/gm)].map(([, key = '']) =>
      key.toLowerCase().replaceAll('-', '_'),
    ),
  )
  return new Set(keys)
}

function taken(
  options: Readonly<Record<string, Option>>,
  env: NodeJS.ProcessEnv,
  sources: NpmSources,
): Taken[] {
  const settings = setIn(sources.npmrc)
  const names = Object.keys(options)
  const found: Taken[] = []
  for (const [variable, value = ''] of Object.entries(env)) {
    const key = /^npm_config_(.+)$/.exec(variable)?.[1]
    if (key === undefined || settings.has(key)) continue
    const exact = names.find((name) => name.replaceAll('-', '_') === key)
    const inherited = sources.inherited?.[variable] === value
    if (key === 'loglevel') {
      if (value !== 'verbose' || inherited || !options.verbose) continue
      found.push({ typed: '--verbose', name: 'verbose', option: options.verbose, value: 'true' })
      continue
    }
    if (npmsOwn.has(key) || (inherited && (!exact || shared.has(key)))) continue
    const dashed = key.replaceAll('_', '-')
    const name = exact ?? nearest(dashed, names)
    const certain = sources.inherited !== undefined
    if (name === undefined && !(key in meanings) && !certain) continue
    const option = name === undefined ? undefined : options[name]
    const off = value === '' || value === 'false'
    found.push({
      typed: off ? `--no-${dashed}` : `--${dashed}`,
      name: off ? `no-${name ?? dashed}` : (name ?? dashed),
      ...(option && { option }),
      value,
    })
  }
  const place = ({ name }: Taken) => names.indexOf(name) >>> 0
  return found.sort((a, b) => place(a) - place(b))
}

/** A word as one would type it in a shell. */
function typed(word: string): string {
  return /^[\w@%+=:,./!-]+$/.test(word) && !word.startsWith('!') && !word.includes(',!')
    ? word
    : `'${word.replaceAll("'", "'\\''")}'`
}

/** Finds the stray word that was an option's value: npm leaves `M2` of `--limit M2` behind. */
function claim(option: Option, strays: string[], alone: boolean): string {
  const fits = strays.findIndex((word) => {
    if (option.kind === 'count') return /^\d+$/.test(word)
    if (option.choices) return option.choices.includes(word)
    return alone
  })
  if (fits < 0) return option.value ?? 'VALUE'
  return typed(strays.splice(fits, 1)[0] ?? '')
}

function rebuilt(
  all: readonly Taken[],
  options: Readonly<Record<string, Option>>,
  words: string[],
) {
  const strays = words.slice(1)
  const needy = all.filter(
    ({ option, value }) => option && option.kind !== 'flag' && value === 'true',
  )
  const open = needy.filter(({ option }) => option?.kind !== 'count' && !option?.choices)
  const values = new Map<Taken, string>()
  for (const one of [...needy].sort(
    (a, b) => Number(open.includes(a)) - Number(open.includes(b)),
  )) {
    if (one.option) values.set(one, claim(one.option, strays, open.length === 1))
  }
  const front = words.slice(0, 1)
  const parts: string[] = []
  for (const one of all) {
    const { name, option, value } = one
    if (name in meanings || one.typed.slice(2).replaceAll('-', '_') in meanings) {
      parts.push(meanings[one.typed.slice(2).replaceAll('-', '_')] ?? `--${name}`)
      continue
    }
    parts.push(`--${name}`)
    if (value === 'true' || value === 'false' || value === '') {
      const claimed = values.get(one)
      if (claimed !== undefined) parts.push(claimed)
    } else if (option?.kind === 'flag') {
      // npm's own --diff takes the next word: an option of ours, or the playbook's name.
      for (const word of value.split('\n\n')) {
        if (word.startsWith('--')) parts.push(word)
        else if (front.length === 0) front.push(word)
        else strays.push(word)
      }
    } else {
      parts.push(typed(value))
    }
  }
  // With several open values the strays cannot be told apart: the placeholders stand for them.
  const kept = open.length > 1 || strays.length === 0 ? [] : strays
  return { words: [...front, ...(Object.keys(options).includes('check') ? [] : kept)], parts }
}

/** The sentence that refuses the run because npm took options for itself; undefined when it took none. */
export function swallowed(
  script: 'play' | 'lab',
  argv: readonly string[],
  env: NodeJS.ProcessEnv,
  sources: NpmSources,
): string | undefined {
  if (env.npm_lifecycle_event !== script) return undefined
  const options: Readonly<Record<string, Option>> = script === 'play' ? playOptions : labOptions
  const all = taken(options, env, sources)
  if (all.length === 0) return undefined
  const names = [...new Set(all.map((one) => one.typed))]
  const what = `npm took ${names.join(' and ')} for itself and nothing was run; type: `
  if (script === 'lab' && (argv[0] === 'exec' || argv[0] === 'ssh')) {
    return `${what}npm run lab ${argv[0]} ${argv[1] ?? 'HOST'} -- COMMAND`
  }
  const cutAt = argv.findIndex((word) => word.startsWith('-'))
  const leading = cutAt < 0 ? argv : argv.slice(0, cutAt)
  const behind = cutAt < 0 ? [] : argv.slice(cutAt).map(typed)
  const { words, parts } = rebuilt(all, options, [...leading])
  return `${what}${['npm run', script, ...words.map(typed), '--', ...parts, ...behind].join(' ')}`
}
