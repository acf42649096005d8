import { quote } from '../core/quote.ts'
import type { WriteOptions } from '../core/task.ts'
import { filePath, prepare, replacement, writeFailure } from './files.ts'
import type { Session } from './session-types.ts'

/** Larger contents get a channel of their own, which the questions need not wait for. */
const most = 64 * 1024

// Two differences to `writeFile`: `install` makes the empty file, owner and mode in one fork, and
// the content is a builtin's word, which no process list shows. A text cut short by a lost
// connection is an open quote, which no shell runs. Only `cat` knows why a write failed.
const fill = `${prepare('install -m "$m" -o USER -g GROUP /dev/null "$f"')}
c=CONTENT
printf %s "$c" >"$f" 2>/dev/null || { printf %s "$c" | cat >"$f"; exit 1; }
AGAIN
sync "$f" || exit 1`

/**
 * Replaces a file as `writeFile` does, through the session's shell, in one round trip that other
 * questions share; undefined where the content is too long for that, or no text.
 */
export function quickWrite(
  session: Pick<Session, 'ask'>,
  name: string,
  path: string,
  content: string | Buffer,
  o: WriteOptions,
): Promise<void> | undefined {
  filePath(path)
  const text = content.toString()
  const plain = typeof content === 'string' || Buffer.from(text).equals(content)
  if (!plain || text.includes('\0') || Buffer.byteLength(text) > most) return undefined
  const { owner = 'root', group = 'root' } = o
  const whole = replacement(path, o, fill, { CONTENT: quote(text) })
  return session.ask(whole).then(({ exitCode, stderr }) => {
    if (exitCode !== 0) throw writeFailure(name, path, `${owner}:${group}`, stderr)
  })
}
