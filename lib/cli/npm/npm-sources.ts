import { existsSync, readFileSync } from 'node:fs'
import { basename, delimiter, dirname, join } from 'node:path'

/** Where npm's settings, and what was typed, can be found. */
export interface NpmSources {
  /** The texts of the .npmrc files npm reads. */
  readonly npmrc: readonly string[]
  /** The environment npm was started with; undefined where the system does not tell. */
  readonly inherited?: Readonly<Record<string, string>>
  /**
   * Bytes of all words that were typed behind `npm`, each with its end, and the first of them (`run`). `isSure`: the shell
   * says as what npm was started; else that is a guess.
   */
  readonly typed?: { readonly all: number; readonly command: string; readonly isSure: boolean }
}

function text(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return ''
  }
}

/** Reads where npm's settings can come from: its .npmrc files and the environment it was started with. */
export function npmSources(env: NodeJS.ProcessEnv): NpmSources {
  // npm exports a setting in lower case only where its own environment did not have it already.
  const setting = (name: string) =>
    env[`npm_config_${name}`] ?? env[`NPM_CONFIG_${name.toUpperCase()}`]
  const project = setting('local_prefix')
  const builtin = env.npm_execpath && join(dirname(dirname(env.npm_execpath)), 'npmrc')
  const own = project && join(project, '.npmrc')
  const files = [own, setting('userconfig'), setting('globalconfig'), builtin]
  const npm = npmProcess(env.npm_lifecycle_event)
  return {
    npmrc: files.flatMap((file) => (file ? [text(file)] : [])),
    ...(npm && { inherited: npm.env, ...typedWords(npm.pid, npm.env) }),
  }
}

/** The bytes of words, each with its end. */
export const bytesOf = (words: readonly string[]) =>
  words.reduce((sum, word) => sum + Buffer.byteLength(word) + 1, 0)

/** The word that keeps npm away from the options behind it. */
export const dashes = bytesOf(['--'])

/** How many bytes npm was given besides the words of a script, and besides the `--` that options among them need. */
export function lostBytes(
  typed: NpmSources['typed'],
  script: string,
  argv: readonly string[],
  hasDashes = argv.some((word) => word.startsWith('-')),
): number {
  if (typed === undefined) return 0
  return typed.all - bytesOf([typed.command, script, ...argv]) - (hasDashes ? dashes : 0)
}

/** What follows the program's name in /proc/PID/stat: the state, the parent … */
const statOf = (pid: number) => (text(`/proc/${pid}/stat`).split(') ').at(-1) ?? '').split(' ')

/** The nearest ancestor whose environment is not yet that of this script, which is npm. */
function npmProcess(script: string | undefined) {
  let pid = process.ppid
  for (let level = 0; level < 5 && pid > 1; level++) {
    const environ = text(`/proc/${pid}/environ`)
    if (environ === '') return undefined
    const pairs = environ.split('\0').map((pair) => pair.split(/=(.*)/s))
    const env = Object.fromEntries(pairs.map(([name = '', value = '']) => [name, value]))
    if (env.npm_lifecycle_event !== script) return { pid, env }
    pid = Number(statOf(pid)[1])
  }
  return undefined
}

/**
 * What npm was given, in bytes. npm writes `npm run play site` over its arguments, where Linux keeps the length of what
 * stood there: what npm has dropped leaves no other trace.
 */
function typedWords(pid: number, env: Readonly<Record<string, string>>): Pick<NpmSources, 'typed'> {
  const [, command] = text(`/proc/${pid}/cmdline`).split('\0', 1).join('').split(' ')
  const [from = 0, to = 0] = statOf(pid).slice(45, 47).map(Number)
  const shell = env._ ?? ''
  const isSure = basename(shell) === 'npm'
  const places = (env.PATH ?? '').split(delimiter).map((folder) => `${folder}/npm`)
  const npm = isSure ? shell : places.find((place) => existsSync(place))
  if (command === undefined || npm === undefined || to <= from) return {}
  // `env node` starts it as `node`; any other first line, as the program that it names.
  const program = /^#!\s*(\S+)(?:\s+(\S+))?/.exec(text(npm))
  const [, interpreter = '', argument] = program ?? []
  const start =
    basename(interpreter) === 'env' ? argument : [interpreter, argument].filter(Boolean).join(' ')
  return { typed: { command, isSure, all: to - from - Buffer.byteLength(`${start} ${npm} `) } }
}
