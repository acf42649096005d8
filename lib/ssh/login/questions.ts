import { writeFileSync } from 'node:fs'
import net from 'node:net'
import { join } from 'node:path'
import { quote } from '../../core/quote.ts'
import type { Answer } from './connection.ts'

// What ssh starts to ask. It must end badly unless an answer came: ssh takes an empty one for an answer.
const askpass = `const [, text] = process.argv
const { TANDEM_ASK, SSH_ASKPASS_PROMPT: kind } = process.env
let answer = ''
const socket = require('net').connect(TANDEM_ASK)
socket.on('error', () => process.exit(1)).setEncoding('utf8').on('data', (piece) => (answer += piece))
socket.on('close', () => process.stdout.write(answer, () => process.exit(answer === '' ? 1 : 0)))
socket.end(JSON.stringify({ text, kind }))`

/** A program for one ssh, which hands its questions on to us. */
export interface Questions {
  /** What makes ssh use it. */
  readonly variables: readonly string[]
  /** Somebody is being asked: the time is nobody's fault. */
  readonly waiting: boolean
  /** Rejects when a question is not answered; ssh must not go on then. */
  readonly refused: Promise<never>
  close(): void
}

/** Puts the program into `dir`, a folder that nobody else may enter. */
export async function questionsFrom(dir: string, ask: Answer): Promise<Questions> {
  const path = join(dir, 'ask')
  const program = join(dir, 'askpass')
  const code = `exec ${quote(process.execPath)} -e ${quote(askpass)} -- "$1"\n`
  writeFileSync(program, `#!/bin/sh\n${code}`, { mode: 0o700 })
  let waiting = 0
  let refuse: (reason: unknown) => void = () => {}
  const refused = new Promise<never>((_, reject) => {
    refuse = reject
  })
  refused.catch(() => {})
  const given = new Map<string, string>()
  const open = new Set<net.Socket>()
  const server = net.createServer({ allowHalfOpen: true }, async (socket) => {
    const gone = new AbortController()
    open.add(socket)
    socket
      .on('error', () => {})
      .once('close', () => {
        open.delete(socket)
        gone.abort()
      })
    waiting++
    try {
      const { text, kind } = JSON.parse(await whole(socket)) as { text: string; kind?: string }
      const tells = kind === 'none'
      const last = given.get(text)
      const answer = await ask({ text, kind, tells, last, gone: gone.signal })
      if (tells && !gone.signal.aborted)
        await new Promise<void>((resolve) => socket.once('close', () => resolve()))
      else if (tells) return
      else if (kind !== 'confirm') socket.end(`${answer}\n`)
      else if (/^y/i.test(answer)) socket.end('yes\n')
      else socket.destroy()
      given.set(text, answer)
    } catch (error) {
      // Before its program ends: ssh would ask again, or go on with what it has.
      if (!gone.signal.aborted) refuse(error)
    } finally {
      waiting--
    }
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(path, resolve)
  })
  server.unref()
  return {
    variables: [
      ...[`SSH_ASKPASS=${program}`, 'SSH_ASKPASS_REQUIRE=force', `TANDEM_ASK=${path}`],
      // OpenSSH before 8.4 asks a program only where it sees a display.
      `DISPLAY=${process.env.DISPLAY || ':0'}`,
    ],
    get waiting() {
      return waiting > 0
    },
    refused,
    close: () => {
      server.close()
      for (const socket of open) socket.destroy()
    },
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
