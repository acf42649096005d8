import { type Connection, type ConnectOptions, connect, exec } from '../../ssh/index.ts'
import type { Machine } from './machine.ts'

/** A machine over SSH whose connection is made anew after a loss. */
export interface SshMachine extends Machine {
  close(): Promise<void>
}

const usualMs = 60_000

/** `where` is asked at each connect: a machine of the lab may come back on another port. */
export function sshMachine(name: string, where: () => ConnectOptions): SshMachine {
  let line: Promise<Connection> | undefined
  let live: Connection | undefined
  const open = (): Promise<Connection> => {
    if (live?.lost.aborted) line = undefined
    if (!line) {
      const made = connect(where())
      line = made
      made.then(
        (connection) => {
          live = connection
        },
        () => {
          if (line === made) line = undefined
        },
      )
    }
    return line
  }
  return {
    name,
    run: async (script, { stdin, timeoutMs = usualMs } = {}) => {
      const connection = await open()
      // A machine without power says nothing: the loss must end the wait, not the time-out.
      const signal = connection.lost
      return exec(connection, script, { timeoutMs, signal, ...(stdin !== undefined && { stdin }) })
    },
    stream: async (script, onLine, signal) => {
      // A node that is frozen or without power must be given up soon, to be heard again in time.
      const connection = await connect({ ...where(), keepaliveMs: 3_000 })
      const end = () => void connection.close()
      signal.addEventListener('abort', end, { once: true })
      try {
        if (signal.aborted) return
        let half = ''
        const onStdout = (chunk: string) => {
          const lines = (half + chunk).split('\n')
          half = lines.pop() ?? ''
          for (const text of lines) onLine(text)
        }
        await exec(connection, script, { signal: connection.lost, onStdout })
      } finally {
        signal.removeEventListener('abort', end)
        await connection.close()
      }
    },
    close: async () => {
      const connection = await line?.catch(() => undefined)
      await connection?.close()
    },
  }
}
