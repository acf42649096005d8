import { Unreachable } from '../core/errors.ts'
import type { Channel, Connection } from './login/connection.ts'
import { lastLines } from './login/connection.ts'

/** What root's shell says first, on stderr, where a password may be asked for before. */
const mark = 'tandem-is-root:'
const prompt = 'tandem-password:'
const limitMs = 30_000

/** Whether somebody must listen for a question before anything is written to the shell. */
export function mayAsk(c: Connection): boolean {
  return c.become === 'su' || (c.become !== false && c.becomePassword !== undefined)
}

/** The command line that runs a script of /bin/sh as root; `quoted` is that script as one word. */
export function becomeCommand(c: Connection, quoted: string): string {
  const marked = mayAsk(c) ? `'printf ${mark} >&2; '${quoted}` : quoted
  if (c.become === 'su') return `env LC_ALL=C su -s /bin/sh -c ${marked} root`
  return `sudo ${mayAsk(c) ? `-S -p ${prompt}` : '-n'} -- /bin/sh -c ${marked}`
}

/**
 * Waits for root's shell on a channel, and answers the one question for a password, over stdin: argv
 * and environment can be seen by others. Rejects with Unreachable where sudo or su refuses.
 */
export async function becomeRoot(c: Connection, channel: Channel): Promise<void> {
  const how = c.become === 'su' ? 'su' : 'sudo'
  const asks = how === 'su' ? /password: ?$/i : new RegExp(`${prompt}$`)
  const { stderr } = channel
  let said = ''
  let answered = false
  await new Promise<void>((resolve, reject) => {
    const end = (why?: string | Error) => {
      clearTimeout(timer)
      stderr.off('readable', hear)
      channel.off('close', closed)
      if (why === undefined) return resolve()
      channel.close()
      reject(why instanceof Error ? why : new Unreachable(`${c.name}: user ${c.user} ${why}`))
    }
    const hear = () => {
      for (let chunk = stderr.read(); chunk; chunk = stderr.read()) said += chunk
      const at = said.indexOf(mark)
      if (at >= 0) {
        const rest = said.slice(at + mark.length)
        end()
        if (rest) stderr.unshift(rest)
      } else if (asks.test(said)) {
        if (answered) return end(`may not ${how}: the password is wrong`)
        if (!c.becomePassword) return end(`may not ${how} without a password: ${noPassword}`)
        answered = true
        said = ''
        channel.write(`${c.becomePassword.reveal()}\n`)
      }
    }
    const closed = () => {
      const reason = lastLines(said.replaceAll(prompt, ''))
      end(c.lost.aborted ? c.lost.reason : `may not ${how}${reason && `: ${reason}`}`)
    }
    const late = () => end(`got no answer from ${how} within ${limitMs / 1000} s`)
    const timer = setTimeout(late, limitMs)
    stderr.on('readable', hear)
    channel.once('close', closed)
    // The channel closes only after its output was read.
    channel.once('exit', () => channel.resume())
  })
}

/** Ways to give a password. */
export const noPassword = '--ask-become-pass (-K) asks for one'
