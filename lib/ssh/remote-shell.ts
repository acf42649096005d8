import type { ChildProcess } from 'node:child_process'
import { $, defaults, type Options, ProcessPromise, type Shell } from 'zx/core'
import { quote } from '../core/quote.ts'
import type { Connection } from './login/connection.ts'
import { childOf, isRemotePid, RemoteChild } from './remote-child.ts'

/** What all commands of a remote shell share. */
export interface RemoteOptions {
  /** Ends running commands when aborted, and starts no more. */
  readonly signal?: AbortSignal | undefined
  /** File whose shared lock each command holds, as `exec` has it. */
  readonly busyLock?: string | undefined
}

type Kill = Options['kill']
type Spawned = { env?: NodeJS.ProcessEnv; cwd?: string; signal?: AbortSignal; stdio?: unknown }

/**
 * zx's own `$`, running on the host in `/bin/sh`. `cwd` and `env` are the host's; stdin is empty
 * unless something is piped or written into it at once, or `stdio: 'pipe'` is asked for. Reads of
 * binary output need `exec`. Nothing is ever logged.
 */
export function remote(c: Connection, o: RemoteOptions = {}): Shell {
  const spawn = (script: string, _args: unknown, spawned: Spawned): ChildProcess => {
    const signals = [o.signal, spawned.signal].filter((signal) => signal !== undefined)
    const child = new RemoteChild(c, prelude(spawned) + script, {
      busyLock: o.busyLock,
      signals,
      keepStdin: spawned.stdio === 'pipe',
    })
    return child as unknown as ChildProcess
  }
  const options = {
    spawn: spawn as unknown as Options['spawn'],
    spawnSync: refuseSync as unknown as Options['spawnSync'],
    shell: '/bin/sh',
    prefix: '',
    postfix: '',
    quote,
    cwd: '.',
    env: {},
    stdio: ['ignore', 'pipe', 'pipe'] as Options['stdio'],
    preferLocal: false,
    detached: false,
    verbose: false,
    quiet: true,
    nothrow: false,
    log: Object.assign(() => {}, { output: undefined }) as unknown as Options['log'],
    kill: dispatchKill,
  }
  return remoteShell($(options as Partial<Options>) as Shell)
}

type Template = [pieces: TemplateStringsArray, ...values: unknown[]]

/** Gives each command the line that called it, and keeps what is piped from it on the host. */
function remoteShell(base: Shell): Shell {
  const shell = (...args: Template | [Partial<Options>]): unknown => {
    // zx would answer with a rejected promise besides the throw.
    if (!isTemplate(args[0]) && args[0].sync) refuseSync()
    const made: unknown = (base as (...args: unknown[]) => unknown)(...args)
    if (!(made instanceof ProcessPromise)) return remoteShell(made as Shell)
    const called: { stack?: string } = {}
    Error.captureStackTrace(called, shell)
    adopt(made as unknown as Adopted, called.stack?.split('\n    at ')[1])
    return made
  }
  const adopt = (command: Adopted, from = 'unknown') => {
    // zx looks for its own frames by name, which neither tsx nor a bundle leaves to be found.
    command._snapshot.from = from
    const pipe = command._pipe
    // A bare template after .pipe would run in zx's ambient shell: on this machine.
    command._pipe = (source, dest, ...values) => {
      if (!isTemplate(dest)) return pipe.call(command, source, dest, ...values)
      const next = shell({ halt: true } as Partial<Options>) as Shell
      const piped = next(dest, ...values)
      ;(piped as unknown as Adopted)._snapshot.from = from
      return pipe.call(command, source, piped)
    }
  }
  Object.defineProperty(shell, 'sync', { get: refuseSync })
  return shell as Shell
}

interface Adopted {
  readonly _snapshot: { from: string }
  _pipe(source: string, dest: unknown, ...values: unknown[]): unknown
}

function isTemplate(value: unknown): value is TemplateStringsArray {
  return Array.isArray(value) && 'raw' in value
}

function refuseSync(): never {
  throw new Error('A command on a host cannot run synchronously')
}

function prelude({ cwd, env = {} }: Spawned): string {
  const exports = Object.entries(env).map(([key, value = '']) => `export ${key}=${quote(value)}\n`)
  return exports.join('') + (cwd && cwd !== '.' ? `cd ${quote(cwd)} || exit\n` : '')
}

const localKill: Kill = defaults.kill

/** zx kills through its ambient options, so one function serves both kinds of process. */
const dispatchKill: Kill = async (pid, signal) => {
  if (isRemotePid(pid)) await childOf(pid)?.terminate(signal)
  else await localKill(pid, signal)
}
defaults.kill = dispatchKill
