import { Unreachable } from '../core/errors.ts'
import { type Channel, type Connection, lastLines } from './login/connection.ts'

// A shell that traces shows the command line too: neither mark nor prompt stands in there whole.
const mark = 'tandem-is-root:'
const prompt = 'tandem-%password:'
const go = 'tandem-go'
const limitMs = 30_000
/** How to give a password. */
export const noPassword = '--ask-become-pass (-K) asks for one'

/** Whether somebody must listen for a question before anything is written to the shell. */
export function mayAsk(c: Connection): boolean {
  return c.become === 'su' || (c.become !== false && c.becomePassword !== undefined)
}

/** The command line that runs a script of /bin/sh as root; `quoted` is that script as one word. */
export function becomeCommand(c: Connection, quoted: string): string {
  if (!mayAsk(c)) return `sudo -n -- /bin/sh -c ${quoted}`
  // A password that nobody asked for after all is read up to the last line, and forgotten.
  const started = `'printf tandem-%s: is-root >&2; while IFS= read -r l && [ "$l" = "\${l#${go}}" ]; do :; done; '${quoted}`
  if (c.become !== 'su') return `sudo -S -p 'tandem-%%password:' -- /bin/sh -c ${started}`
  // su leaves root the user's own path.
  const path =
    'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin; export PATH; unset ENV CDPATH; '
  return `env LC_ALL=C su -s /bin/sh -c '${path}'${started} root`
}

/**
 * Waits for root's shell on a channel, and answers the one question for a password, over stdin: argv
 * and environment can be seen by others. Rejects with Unreachable where sudo or su refuses, and with
 * the reason of an abort.
 */
export async function becomeRoot(
  c: Connection,
  channel: Channel,
  signal: AbortSignal | undefined,
): Promise<void> {
  const how = c.become === 'su' ? 'su' : 'sudo'
  const asks = how === 'su' ? /password: ?$/i : new RegExp(`${prompt}$`)
  const password = c.becomePassword?.reveal()
  const given = AbortSignal.any([c.lost, ...(signal ? [signal] : [])])
  const { stderr } = channel
  let said = ''
  let answered = false
  await new Promise<void>((resolve, reject) => {
    const end = (why?: string | Error) => {
      clearTimeout(timer)
      stderr.off('readable', hear)
      channel.off('close', closed).off('exit', exited)
      given.removeEventListener('abort', aborted)
      if (why === undefined) return resolve()
      // It closes, and gives its turn to another, only once its output was read.
      channel.resume().stderr.resume()
      channel.close()
      reject(why instanceof Error ? why : new Unreachable(`${c.name}: user ${c.user} ${why}`))
    }
    const words = () => lastLines(said.replaceAll(prompt, ''))
    const hear = () => {
      for (let chunk = stderr.read(); chunk; chunk = stderr.read())
        said = (said + chunk).slice(-4_096)
      const at = said.indexOf(mark)
      if (at >= 0) {
        end()
        channel.write(`${go}\n`)
        if (at + mark.length < said.length) stderr.unshift(said.slice(at + mark.length))
      } else if (asks.test(said)) {
        if (answered) return end(`may not ${how}: the password is wrong (${words()})`)
        if (password === undefined) return end(`may not ${how} without a password: ${noPassword}`)
        answered = true
        said = ''
        channel.write(`${password}\n`)
      }
    }
    const closed = () => end(`may not ${how}: ${words() || 'no reason given'}`)
    const exited = () => {
      hear()
      if (!said.includes(mark)) channel.resume()
    }
    const aborted = () => end(given.reason)
    const expected = `expected a question for a password within ${limitMs / 1000} s`
    const late = () => end(`may not ${how}: ${expected}, got ${words() || 'nothing'}`)
    const timer = setTimeout(late, limitMs)
    stderr.on('readable', hear)
    channel.once('close', closed).once('exit', exited)
    given.addEventListener('abort', aborted)
    if (given.aborted) aborted()
  })
}
