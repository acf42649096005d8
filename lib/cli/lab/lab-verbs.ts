import { exitCodes, UsageError } from '../../core/errors.ts'
import { unknownName } from '../../inventory/index.ts'
import type { LabOptions, Level } from '../../lab/index.ts'
import type { Context } from '../common/context.ts'
import { labOptions, type Option } from '../common/option-table.ts'
import type { LabModule } from './lab-module.ts'
import { labPackages } from './lab-packages.ts'
import { statusText } from './lab-status.ts'

/** What a verb is called with. */
export interface VerbCall {
  readonly lab: LabModule
  readonly settings: LabOptions
  readonly context: Context
  readonly words: readonly string[]
  /** The words of a command that is not ours to read. */
  readonly command: readonly string[]
  readonly flag: (option: string) => boolean
}

/** One thing `npm run lab` can do. */
export interface Verb {
  readonly about: string
  /** The words it takes, for the help. */
  readonly words: string
  /** Least and most words. */
  readonly count: readonly [number, number]
  readonly options?: Readonly<Record<string, Option>>
  /** Everything behind the first word is a command. */
  readonly verbatim?: boolean
  readonly run: (call: VerbCall) => Promise<number>
}

function known<T extends string>(kind: string, word: string | undefined, names: readonly T[]): T {
  const found = names.find((name) => name === word)
  if (found !== undefined) return found
  throw new UsageError(unknownName(kind, word ?? '', names))
}

const host = ({ lab, words }: VerbCall): string =>
  known('host', words[0], lab.namesOf(lab.topology))
const link = ({ lab, words }: VerbCall): string =>
  known('link', words[0], [...lab.linksOf(lab.topology).keys()])

/** A verb whose success is one sentence. */
async function done(call: VerbCall, work: Promise<unknown>, text: string): Promise<number> {
  await work
  call.context.stdout.write(`${text}\n`)
  return exitCodes.converged
}

async function exec(call: VerbCall): Promise<number> {
  const { lab, settings, context, command } = call
  const target = host(call)
  const [only] = command
  if (only === undefined) {
    throw new UsageError(`Expected a command: npm run lab exec ${target} -- COMMAND`)
  }
  // Several words arrive as they are, one is a line for the shell: `exec M1 -- 'a | b'`.
  const { exitCode } = await lab.exec(settings, target, command.length > 1 ? command : only, {
    onStdout: (chunk) => context.stdout.write(chunk),
    onStderr: (chunk) => context.stderr.write(chunk),
  })
  return exitCode ?? 255
}

async function status({ lab, settings, context }: VerbCall): Promise<number> {
  context.stdout.write(statusText(await lab.status(settings)))
  return exitCodes.converged
}

async function up(call: VerbCall): Promise<number> {
  const packages = await labPackages(call.lab.topology, call.context)
  await call.lab.up(call.settings, { packages })
  return status(call)
}

async function reset(call: VerbCall): Promise<number> {
  const [word = 'clean'] = call.words
  const level: Level = known('snapshot', word, call.lab.levels)
  return done(call, call.lab.reset(call.settings, level), `The lab is at ${level}`)
}

/** The verbs in the order the help lists them. */
export const verbs: Readonly<Record<string, Verb>> = {
  up: {
    about: 'build what is missing, start what is off',
    words: '',
    count: [0, 0],
    options: { install: labOptions.install },
    run: up,
  },
  down: {
    about: 'end all machines; disks and snapshots stay',
    words: '',
    count: [0, 0],
    run: async ({ lab, settings }) => {
      await lab.down(settings)
      return exitCodes.converged
    },
  },
  status: { about: 'what is on, cut, saved', words: '', count: [0, 0], run: status },
  reset: {
    about: 'back to a snapshot: clean (default) or converged',
    words: '[SNAPSHOT]',
    count: [0, 1],
    run: reset,
  },
  exec: {
    about: 'run a command on a machine; its output and exit code',
    words: 'HOST -- COMMAND',
    count: [1, 1],
    verbatim: true,
    run: exec,
  },
  ssh: {
    about: 'a shell on a machine',
    words: 'HOST',
    count: [1, 1],
    verbatim: true,
    run: async (call) => call.lab.ssh(call.settings, host(call), call.command),
  },
  cut: {
    about: 'cut a cable (em2, HOST.em1 …), or silence a power switch (bmc-HOST)',
    words: 'LINK',
    count: [1, 1],
    run: async (call) => {
      const cable = link(call)
      return done(call, call.lab.cut(call.settings, cable), `${cable} is cut`)
    },
  },
  heal: {
    about: 'plug a cut cable in again',
    words: 'LINK',
    count: [1, 1],
    run: async (call) => {
      const cable = link(call)
      return done(call, call.lab.heal(call.settings, cable), `${cable} is connected again`)
    },
  },
  'power-off': {
    about: "pull a machine's plug",
    words: 'HOST',
    count: [1, 1],
    run: async (call) => {
      const target = host(call)
      return done(call, call.lab.powerOff(call.settings, target), `${target} is off`)
    },
  },
  'power-on': {
    about: 'start a machine that is off',
    words: 'HOST',
    count: [1, 1],
    run: async (call) => {
      const target = host(call)
      return done(call, call.lab.powerOn(call.settings, target), `${target} is on`)
    },
  },
  freeze: {
    about: 'stop the processor of a machine; its memory stays',
    words: 'HOST',
    count: [1, 1],
    run: async (call) => {
      const target = host(call)
      return done(call, call.lab.freeze(call.settings, target), `${target} is frozen`)
    },
  },
  thaw: {
    about: 'let a frozen machine go on',
    words: 'HOST',
    count: [1, 1],
    run: async (call) => {
      const target = host(call)
      const was = await call.lab.thaw(call.settings, target)
      const text = {
        frozen: `${target} goes on`,
        on: `${target} was not frozen`,
        off: `${target} was turned off and stays off; npm run lab power-on ${target}`,
      }[was]
      return done(call, Promise.resolve(), text)
    },
  },
  destroy: {
    about: 'remove machines, disks and secrets; with --image the image too',
    words: '',
    count: [0, 0],
    options: { image: labOptions.image },
    run: async ({ lab, settings, flag }) => {
      await lab.destroy(settings, { image: flag('image') })
      return exitCodes.converged
    },
  },
}
