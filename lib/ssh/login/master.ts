import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Writable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import { Interrupted } from '../../core/errors.ts'
import { Mux } from '../mux/mux.ts'
import { closePipes, killGroup, lastWordsMs } from './child.ts'
import type { ConnectOptions } from './connection.ts'
import { type Questions, questionsFrom } from './questions.ts'
import { sshWith } from './settings.ts'

/** A running ssh that holds a connection open for others. */
export interface Master {
  /** Its control socket. */
  readonly control: string
  readonly mux: Mux
  /** What it has said, which is the reason where it ended by itself. */
  said(): string
  /** Resolves when it has ended. */
  readonly ended: Promise<void>
  readonly over: boolean
  /** SIGTERM, else SIGKILL, to it and to what it has started. */
  kill(signal?: NodeJS.Signals): void
}

/** The login did not come about; the message is what ssh said. */
export class LoginFailed extends Error {}
/** The login took longer than it may. */
export class LoginLate extends LoginFailed {}

/** ssh adds 17 characters to a control socket's path, and 108 are the limit; it also reads `%` and `${` in it. */
const isPlain = /^[\w./-]{1,60}$/
const saidLimit = 8_192

// ssh and what it has started must end when this process does, however it ends: fd 3 is closed then. A
// line on it says that ssh has ended by itself; what it has left is ended too. Its number is the group's as
// long as this guard lives in there.
const guarded = [
  'dir=$1; shift',
  `{ trap '' TERM; read -r line || rm -rf -- "$dir"; kill -TERM "-$$"; } <&3 >/dev/null 2>&1 &`,
  'exec "$@" 3<&- </dev/null',
].join('\n')

type Login = Pick<ConnectOptions, 'agent' | 'ask' | 'signal'>

/**
 * Starts ssh as a master and waits until it has logged in; the time in which somebody is asked does
 * not count. Rejects with `LoginFailed`, with `Interrupted`, and with the reason of an answer that was refused.
 */
export async function startMaster(
  o: Login,
  words: readonly string[],
  limitMs: number,
): Promise<Master> {
  const dir = mkdtempSync(join(isPlain.test(tmpdir()) ? tmpdir() : '/tmp', 'tandem-ssh-'))
  const tidy = () => rmSync(dir, { recursive: true, force: true })
  let questions: Questions | undefined
  try {
    questions = o.ask && (await questionsFrom(dir, o.ask))
    return await started(o, words, limitMs, dir, questions, () => {
      questions?.close()
      tidy()
    })
  } catch (error) {
    questions?.close()
    tidy()
    throw error
  }
}

async function started(
  o: Login,
  words: readonly string[],
  limitMs: number,
  dir: string,
  questions: Questions | undefined,
  tidy: () => void,
): Promise<Master> {
  const control = join(dir, 'control')
  const ssh = sshWith(o, questions?.variables)
  const child = spawn(
    '/bin/sh',
    ['-c', guarded, 'sh', dir, ...ssh, '-M', '-S', control, '-N', '-T', ...words],
    // A group of its own: Ctrl-C is for us to hear, who end it when all is done.
    { detached: true, stdio: ['ignore', 'ignore', 'pipe', 'pipe'] },
  )
  const { said, forget, ended, isOver } = watched(child, tidy)
  const kill = (signal: NodeJS.Signals = 'SIGTERM') => killGroup(child, signal)
  const over = new AbortController()
  const late = lateness(limitMs, questions, over.signal)
  const refused = questions?.refused ?? new Promise<never>(() => {})
  const failed = ended.then((): never => {
    throw new LoginFailed(said())
  })
  failed.catch(() => {})
  const interrupted = new Promise<never>((_, reject) => {
    const stop = () => reject(new Interrupted('interrupted'))
    if (o.signal?.aborted) stop()
    o.signal?.addEventListener('abort', stop, { once: true, signal: over.signal })
  })
  try {
    const mux = await Promise.race([
      loggedIn(control, over.signal).catch(async (error) => {
        // ssh ended in between: it says why.
        await Promise.race([ended, sleep(lastWordsMs)])
        throw new LoginFailed(said() || String(error))
      }),
      ...[failed, late, refused, interrupted],
    ])
    // A control socket that closes leaves a master that nobody can use.
    void mux.ended.then(() => kill())
    forget()
    return {
      control,
      mux,
      said,
      ended,
      get over() {
        return isOver()
      },
      kill,
    }
  } catch (error) {
    kill('SIGKILL')
    throw error
  } finally {
    over.abort()
  }
}

/** Hears what ssh says and notices its end; `tidy` is called then. */
function watched(child: ChildProcess, tidy: () => void) {
  let said = ''
  let over = false
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    said = (said + text).slice(-saidLimit)
  })
  const lifeline = child.stdio?.[3] as Writable | undefined
  lifeline?.on('error', () => {})
  const ended = new Promise<void>((resolve) => {
    const end = () => {
      over = true
      tidy()
      resolve()
    }
    child.once('error', (error) => {
      said = error.message
      end()
    })
    child.once('close', end)
    child.once('exit', () => {
      over = true
      lifeline?.end('\n')
      closePipes(child)
    })
  })
  const forget = () => {
    said = ''
  }
  return { said: () => said, forget, ended, isOver: () => over }
}

/** The master's control socket is there once it has logged in. */
async function loggedIn(control: string, over: AbortSignal): Promise<Mux> {
  while (!existsSync(control)) {
    await sleep(10)
    if (over.aborted) return new Promise(() => {})
  }
  const mux = await Mux.to(control)
  if (over.aborted) mux.end()
  return mux
}

/** Rejects when the time is over, of which none passes while somebody is asked. */
async function lateness(
  limitMs: number,
  questions: Questions | undefined,
  over: AbortSignal,
): Promise<never> {
  let left = limitMs
  while (left > 0 && !over.aborted) {
    const before = Date.now()
    await sleep(Math.min(left, 100))
    if (!questions?.waiting) left -= Date.now() - before
  }
  if (over.aborted) return new Promise(() => {})
  throw new LoginLate()
}
