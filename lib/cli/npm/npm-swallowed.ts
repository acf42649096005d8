import { nearest } from '../../inventory/index.ts'
import { labOptions, type Option, playOptions } from '../common/option-table.ts'
import { drillOptions } from '../drill/drill-options.ts'
import { quoted, retyped, type Taken } from './corrected-command.ts'
import { bytesOf, dashes, lostBytes, type NpmSources } from './npm-sources.ts'

/** Keys that npm exports every time, in one version or another. */
const always = new Set(
  `allow_scripts cache globalconfig global_prefix init_module local_prefix metrics_registry node_gyp noproxy
  npm_version prefix user_agent userconfig`.split(/\s+/),
)

/** Keys npm exports by itself, and options that people give npm on purpose when they run a script. */
const npmsOwn = new Set([
  ...always,
  ...`loglevel color progress unicode timing logs_dir logs_max script_shell shell
  foreground_scripts ignore_scripts if_present workspace workspaces include_workspace_root
  node_options nodedir update_notifier offline prefer_offline prefer_online registry fund audit omit
  include production cafile ca strict_ssl proxy https_proxy heading usage editor engine_strict
  viewer global location`.split(/\s+/),
])

/** The options of ours that npm has a use for too: inherited, they are settings of npm. */
const shared = new Set(['diff', 'yes', 'json', 'only'])

/** What people type when they mean an option of ours. */
const meanings: Readonly<Record<string, readonly [name: string, value: string]>> = {
  dry_run: ['check', 'true'],
  json: ['output', 'json'],
}

function setIn(npmrc: readonly string[]): Set<string> {
  const lines = npmrc.flatMap((text) => [
    ...text.matchAll(/^\s*([^#;\s=[][^=\s[]*)\s*(?:\[\])?\s*(?:=|$)/gm),
  ])
  return new Set(lines.map(([, key = '']) => keyOf(key.toLowerCase())))
}

/** What npm calls an option in the environment, behind `npm_config_`. */
const keyOf = (name: string): string => name.replaceAll('-', '_')

type Options = Readonly<Record<string, Option>>

/** What npm exports of its configuration. */
const exported = (env: NodeJS.ProcessEnv) =>
  Object.entries(env).flatMap(([variable, value = '']) => {
    const key = /^npm_config_(.+)$/.exec(variable)?.[1]
    return key === undefined ? [] : [{ key, variable, value }]
  })

function taken(options: Options, env: NodeJS.ProcessEnv, sources: NpmSources): Taken[] {
  const settings = setIn(sources.npmrc)
  const names = Object.keys(options)
  const found: Taken[] = []
  for (const { key, variable, value } of exported(env)) {
    if (settings.has(key)) continue
    const exact = names.find((name) => keyOf(name) === key)
    const inherited = sources.inherited?.[variable] === value
    if (key === 'loglevel') {
      if (value !== 'verbose' || inherited || !options.verbose) continue
      const verbose = { typed: '--verbose', name: 'verbose', option: options.verbose }
      found.push({ ...verbose, given: 'true', value: 'true' })
      continue
    }
    if (npmsOwn.has(key) || (inherited && (!exact || shared.has(key)))) continue
    const typed = key.replaceAll('_', '-')
    const [meant, meaning] = meanings[key] ?? []
    const name = exact ?? meant ?? nearest(typed, names)
    if (name === undefined && sources.inherited === undefined) continue
    const option = name === undefined ? undefined : options[name]
    const no = value === '' || value === 'false' ? 'no-' : ''
    found.push({
      typed: `--${no}${typed}`,
      name: no + (name ?? typed),
      ...(option && { option }),
      given: value,
      value: meaning ?? value,
    })
  }
  const place = ({ name }: Taken) => names.indexOf(name) >>> 0
  return found.sort((a, b) => place(a) - place(b))
}

/** Whether npm has a key, from wherever, that is neither its own nor a setting nor one of these options. */
function hasUnknown(options: Options, env: NodeJS.ProcessEnv, { npmrc }: NpmSources): boolean {
  const known = new Set([...npmsOwn, ...setIn(npmrc), ...Object.keys(options).map(keyOf)])
  return exported(env).some(({ key }) => !known.has(key))
}

/** What people give to `npm run` on purpose, and npm does not tell a script. */
const untold = '--if-present --no-progress --progress=false --no-color --loglevel=notice'.split(' ')

/** Whether bytes were typed that neither what is known, nor an option of npm, nor a setting explains. */
function hasLost(env: NodeJS.ProcessEnv, { npmrc, inherited }: NpmSources, lost: number): boolean {
  const isSilent = env.npm_config_loglevel === 'silent' && !inherited?.npm_config_loglevel
  const known = new Set([...always, ...setIn(npmrc), ...(isSilent ? ['loglevel'] : [])])
  const told = exported(env).some(
    ({ key, variable, value }) => !known.has(key) && inherited?.[variable] !== value,
  )
  // How long an option was typed, nobody knows, but for those that many people give to `npm run`.
  if (told || env.npm_config_prefix === env.npm_config_local_prefix) return false
  const own = [...untold, ...(isSilent ? ['-s', '--silent', '--loglevel=silent'] : [])]
  return lost >= 2 && !own.some((word) => bytesOf([word]) === lost)
}

/**
 * The sentence that refuses the run because npm took options for itself; undefined when it took none.
 *
 * npm takes every option before a second `--` for its own configuration: `npm run play site --check` leaves
 * `npm_config_check=true` in the environment, and would change what it was only to look at. The rule that finds this:
 *
 * 1. A key that some .npmrc sets is a setting.
 * 2. So is one that npm already found in its own environment (/proc tells, on Linux), unless it is exactly an option of
 *    ours that npm does not know: an outer `npm run` has then swallowed it and handed it down.
 * 3. What remains was typed. It is refused where it is an option of ours, nearly one, or a word for one (`--dry-run`);
 *    where rule 2 could be decided, also any other key, except those about how npm runs a script.
 * 4. npm drops what it finds wrong (`-C` without a folder) and leaves no key. On Linux the length of its
 *    arguments tells; and a line is proposed only where it is as long as what was typed.
 */
export async function swallowed(
  script: 'play' | 'lab',
  argv: readonly string[],
  env: NodeJS.ProcessEnv,
  sources: NpmSources,
  allOfPlay: () => Promise<Options> = async () => playOptions,
): Promise<string | undefined> {
  // pnpm and yarn leave options alone.
  if (env.npm_lifecycle_event !== script || !/^npm\//.test(env.npm_config_user_agent ?? 'npm/')) {
    return undefined
  }
  const ofPlay = argv[0] === 'drill' ? drillOptions : playOptions
  const options: Options = script === 'play' ? ofPlay : labOptions
  // Perhaps a parameter of a playbook, which takes time to find out.
  const mayBeOne = options === playOptions && hasUnknown(options, env, sources)
  const all = taken(mayBeOne ? await allOfPlay() : options, env, sources)
  const { typed } = sources
  const toHost = script === 'lab' && (argv[0] === 'exec' || argv[0] === 'ssh')
  const hasDashes = toHost || argv.some((word) => word.startsWith('-'))
  const lost = lostBytes(typed, script, argv, hasDashes)
  // Where the start of npm is a guess, a long rest says that the guess is wrong.
  const isLost = (typed?.isSure || lost <= 5) && hasLost(env, sources, lost)
  if (all.length === 0 && !isLost) return undefined
  const names = [...new Set(all.map((one) => one.typed))].join(' and ')
  const empty = lost === dashes ? ', or a -- with no option behind it,' : ''
  const what = `npm took ${names || `an option such as -C${empty}`} for itself and nothing was run; `
  if (toHost) return `${what}type: npm run lab ${argv[0]} ${argv[1] ?? 'HOST'} -- COMMAND`
  const asTyped = all.map(({ option, typed, given, value }): Taken => {
    const own = given === value && option ? { option } : {}
    return { typed, given, name: typed.slice(2), value: given, ...own }
  })
  const length = bytesOf(retyped(script, asTyped, argv).slice(1)) - (hasDashes ? 0 : dashes)
  if (all.length > 0 && (!typed?.isSure || typed.all === length)) {
    return `${what}type: ${retyped(script, all, argv).map(quoted).join(' ')}`
  }
  const front = script === 'play' ? [] : [script]
  const direct = ['./tandem', ...front, ...argv.filter((word) => !word.startsWith('-'))]
  return `${what}options come after --, as in npm run play site -- --check, or start Tandem without npm: ${direct.map(quoted).join(' ')} …`
}
