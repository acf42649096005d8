import { connect, type Socket } from 'node:net'
import { Unreachable } from '../../core/errors.ts'

/** A conversation with one QEMU over its control socket. */
export interface Qmp {
  execute(command: string, args?: Record<string, unknown>): Promise<unknown>
  /** A command of QEMU's monitor; throws when the monitor answers with an error text. */
  monitor(command: string): Promise<string>
  close(): void
}

interface Answer {
  readonly return?: unknown
  readonly error?: { readonly desc: string }
  readonly QMP?: unknown
  readonly event?: string
}

/** Opens the control socket of `process`; one conversation at a time, as QEMU serves only one. */
export async function openQmp(process: string, path: string, timeoutMs = 10_000): Promise<Qmp> {
  const socket = await open(process, path)
  const answers: Answer[] = []
  let wake: () => void = () => {}
  let ended = false
  let text = ''
  socket.setEncoding('utf8')
  socket.on('data', (piece: string) => {
    const lines = (text + piece).split('\n')
    text = lines.pop() ?? ''
    for (const line of lines) if (line.trim() !== '') answers.push(JSON.parse(line) as Answer)
    wake()
  })
  socket.on('error', () => {})
  socket.on('close', () => {
    ended = true
    wake()
  })

  const next = async (what: string, limitMs: number): Promise<Answer> => {
    const end = Date.now() + limitMs
    for (;;) {
      const answer = answers.shift()
      if (answer && !answer.event) return answer
      if (answer) continue
      // `quit` closes the conversation, and that is its answer.
      if (ended && what === 'quit') return { return: {} }
      if (ended) throw new Unreachable(`QEMU of ${process} ended while it was asked to ${what}`)
      const left = end - Date.now()
      if (left <= 0)
        throw new Unreachable(
          `QEMU of ${process} did not answer ${what} within ${limitMs / 1000} s`,
        )
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, left)
        wake = () => {
          clearTimeout(timer)
          resolve()
        }
      })
    }
  }
  const execute = async (command: string, args?: Record<string, unknown>, limitMs = timeoutMs) => {
    socket.write(`${JSON.stringify({ execute: command, ...(args && { arguments: args }) })}\n`)
    const answer = await next(command, limitMs)
    if (answer.error)
      throw new Unreachable(`QEMU of ${process} refused ${command}: ${answer.error.desc}`)
    return answer.return
  }
  try {
    await next('greet', timeoutMs)
    await execute('qmp_capabilities')
  } catch (error) {
    socket.destroy()
    throw error
  }
  return {
    execute: (command, args) => execute(command, args),
    monitor: async (line) => {
      const said = await execute('human-monitor-command', { 'command-line': line }, 120_000)
      // The monitor has no exit code: silence is success for every command used here.
      if (typeof said === 'string' && /error/i.test(said))
        throw new Unreachable(`QEMU of ${process} failed at ${line}: ${said.trim()}`)
      return String(said)
    },
    close: () => socket.destroy(),
  }
}

function open(process: string, path: string): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect(path)
    socket.once('connect', () => resolve(socket))
    socket.once('error', (error) =>
      reject(new Unreachable(`QEMU of ${process} cannot be asked: ${error.message}`)),
    )
  })
}

/** One conversation for `work`. */
export async function withQmp<T>(
  process: string,
  path: string,
  work: (qmp: Qmp) => Promise<T>,
): Promise<T> {
  const qmp = await openQmp(process, path)
  try {
    return await work(qmp)
  } finally {
    qmp.close()
  }
}
