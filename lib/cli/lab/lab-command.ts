import { exitCodes, Interrupted, UsageError } from '../../core/errors.ts'
import { unknownName } from '../../inventory/index.ts'
import { helpText, read } from '../common/args.ts'
import { type Context, columnsOf } from '../common/context.ts'
import { labOptions } from '../common/option-table.ts'
import { interruption } from '../common/signals.ts'
import { labModule, labSettings } from './lab-module.ts'
import { type VerbCall, verbs } from './lab-verbs.ts'

const examples = `Examples:
  npm run lab up
  npm run lab exec HOST -- ip -brief address
  npm run lab exec HOST -- 'dmesg | tail'     one word is a line for the shell
  npm run lab cut em2
  npm run lab destroy -- --image`

async function help(context: Context): Promise<string> {
  const names = Object.entries(verbs).map(([name, { words }]) => `${name} ${words}`.trimEnd())
  const width = Math.max(...names.map((name) => name.length))
  const list = Object.values(verbs).map(
    ({ about }, index) => `  ${names[index]?.padEnd(width)}  ${about}`,
  )
  const text = ['Verbs:', ...list, '', examples].join('\n')
  const usage = 'npm run lab VERB [WORDS] -- [OPTIONS]'
  return `${await helpText(usage, labOptions, columnsOf(context), text)}\n`
}

/** What follows `exec HOST` and `ssh HOST` belongs to the command, dashes and all. */
function verbatim(argv: readonly string[]): Pick<VerbCall, 'words' | 'command'> {
  const [host, ...rest] = argv
  if (host?.startsWith('-')) throw new UsageError(`Expected a host, got the option ${host}`)
  // npm takes the `--` of `npm run lab exec M1 -- ls` away; without npm it is still there.
  const command = rest[0] === '--' ? rest.slice(1) : rest
  return { words: host === undefined ? [] : [host], command }
}

/** `npm run lab`: one verb on the embedded lab; resolves with the exit code. */
export async function lab(argv: readonly string[], context: Context): Promise<number> {
  const [name, ...rest] = argv
  if (name === undefined || name === '--help' || name === 'help') {
    context.stdout.write(await help(context))
    return exitCodes.converged
  }
  const verb = Object.hasOwn(verbs, name) ? verbs[name] : undefined
  if (!verb) throw new UsageError(unknownName('lab verb', name, Object.keys(verbs)))
  const given = verb.verbatim ? undefined : read(rest, { ...verb.options, help: labOptions.help })
  if (given?.flag('help')) {
    context.stdout.write(await help(context))
    return exitCodes.converged
  }
  const { words, command } = verb.verbatim
    ? verbatim(rest)
    : { words: given?.words ?? [], command: [] }
  const [least, most] = verb.count
  if (words.length < least || words.length > most) {
    const got = words.length === 0 ? 'nothing' : words.map((word) => `\`${word}\``).join(' ')
    const form = `npm run lab ${name} ${verb.words}`.trimEnd()
    throw new UsageError(`Expected ${form}, got ${got}`)
  }
  const module = await labModule(context)
  const stop = interruption((signal) =>
    context.stderr.write(
      `${signal}: the lab command stops; press Ctrl-C again to stop it at once\n`,
    ),
  )
  const install = given?.flag('install') ?? false
  const settings = labSettings(module, context, { install, signal: stop.signal })
  try {
    const flag = (option: string) => given?.flag(option) ?? false
    return await verb.run({ lab: module, settings, context, words, command, flag })
  } catch (error) {
    throw stop.signal.aborted ? new Interrupted('Interrupted', { cause: error }) : error
  } finally {
    stop.dispose()
  }
}
