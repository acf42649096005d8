import { spawn } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import net from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Writable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import { quote } from '../../core/quote.ts'
import { Mux } from '../mux/mux.ts'
import type { Answer, ConnectOptions } from './connection.ts'
import { sshWith } from './settings.ts'

/** A running ssh that holds a connection open for others. */
export interface Master {
  /** Its control socket. */
  readonly control: string
  readonly mux: Mux
  /** What it has said, which is the reason where it ended by itself. */
  said(): string
  /** Resolves when it has ended and has said everything. */
  readonly ended: Promise<void>
  readonly over: boolean
  /** SIGTERM, else SIGKILL. */
  kill(signal?: NodeJS.Signals): void
}

/** The login did not come about; the message is what ssh said, or empty after the time limit. */
export class LoginFailed extends Error {}

/** A path for a control socket must be short: ssh adds 17 characters, and 108 are the limit. */
const room = 80
const saidLimit = 8_192

// ssh must end when this process does, however it ends: fd 3 is closed then. A line on it says that
// ssh has ended by itself, and that its number may be another's by now.
const guarded = [
  'dir=$1; shift',
  '{ read -r line || kill "$$"; rm -rf -- "$dir"; } <&3 >/dev/null 2>&1 &',
  'exec "$@" 3<&- </dev/null',
].join('\n')

const askpass = `const [, text] = process.argv
const { TANDEM_ASK, SSH_ASKPASS_PROMPT: kind } = process.env
const socket = require('net').connect(TANDEM_ASK)
socket.on('error', () => process.exit(1)).on('data', (text) => process.stdout.write(text))
socket.on('end', () => process.exit(0))
socket.end(JSON.stringify({ text, kind }))`

/**
 * Starts ssh as a master and waits until it has logged in; `ask` answers its questions, and the time
 * until it does is nobody's fault. Rejects with `LoginFailed`.
 */
export async function startMaster(
  { agent, ask }: Pick<ConnectOptions, 'agent' | 'ask'>,
  words: readonly string[],
  limitMs: number,
): Promise<Master> {
  const parent = tmpdir().length > room - 20 ? '/tmp' : tmpdir()
  const dir = mkdtempSync(join(parent, 'tandem-ssh-'))
  const control = join(dir, 'control')
  const questions = ask && (await questionsFrom(dir, ask))
  const ssh = sshWith({ agent }, questions?.variables)
  const child = spawn(
    '/bin/sh',
    [...['-c', guarded, 'sh', dir, ...ssh], ...['-M', '-S', control, '-N', '-T', ...words]],
    // A group of its own: Ctrl-C is for us to hear, who end it when all is done.
    { detached: true, stdio: ['ignore', 'ignore', 'pipe', 'pipe'] },
  )
  let said = ''
  let over = false
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    said = (said + text).slice(-saidLimit)
  })
  const lifeline = child.stdio[3] as Writable
  lifeline.on('error', () => {})
  child.once('exit', () => lifeline.end('\n'))
  const ended = new Promise<void>((resolve) => {
    const end = () => {
      over = true
      questions?.close()
      resolve()
    }
    child.once('close', end)
    child.once('error', (error) => {
      said = error.message
      rmSync(dir, { recursive: true, force: true })
      end()
    })
  })
  const kill = (signal: NodeJS.Signals = 'SIGTERM') => void child.kill(signal)
  try {
    let left = limitMs
    for (let last = Date.now(); !existsSync(control); last = Date.now()) {
      if (over) throw new LoginFailed(said)
      if (left <= 0) throw new LoginFailed('')
      await Promise.race([sleep(10), ended])
      if (!questions?.waiting) left -= Date.now() - last
    }
    const mux = await Mux.to(control)
    // A control socket that closes leaves a master that nobody can use.
    void mux.ended.then(() => kill())
    return {
      control,
      mux,
      said: () => said,
      ended,
      get over() {
        return over
      },
      kill,
    }
  } catch (error) {
    kill('SIGKILL')
    throw questions?.refused ?? (error instanceof LoginFailed ? error : new LoginFailed(said))
  }
}

/** All that comes in; a socket that is read by a loop would be closed at its end, before the answer. */
function whole(socket: net.Socket): Promise<string> {
  let text = ''
  socket.setEncoding('utf8').on('data', (piece: string) => {
    text += piece
  })
  return new Promise((resolve) => socket.once('end', () => resolve(text)))
}

/** A program that ssh can ask, which hands its questions on to us. */
async function questionsFrom(dir: string, ask: Answer) {
  const path = join(dir, 'ask')
  const program = join(dir, 'askpass')
  const code = `exec ${quote(process.execPath)} -e ${quote(askpass)} -- "$1"\n`
  writeFileSync(program, `#!/bin/sh\n${code}`, { mode: 0o700 })
  let waiting = 0
  let refused: unknown
  const asked = new Set<string>()
  const server = net.createServer({ allowHalfOpen: true }, async (socket) => {
    socket.on('error', () => {})
    waiting++
    try {
      const { text, kind } = JSON.parse(await whole(socket)) as { text: string; kind?: string }
      const question = { text, tells: kind === 'none', again: asked.has(text) }
      asked.add(text)
      const answer = await ask(question)
      // ssh ends its program once the key was touched, and takes any answer to `confirm` for yes.
      if (kind === 'confirm' && !/^y/i.test(answer)) socket.destroy()
      else if (!question.tells) socket.end(`${answer}\n`)
    } catch (error) {
      refused = error
      socket.destroy()
    } finally {
      waiting--
    }
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(path, resolve)
  })
  server.unref()
  return {
    variables: [`SSH_ASKPASS=${program}`, 'SSH_ASKPASS_REQUIRE=force', `TANDEM_ASK=${path}`],
    get waiting() {
      return waiting > 0
    },
    /** Why the last question was not answered. */
    get refused() {
      return refused
    },
    close: () => server.close(),
  }
}
