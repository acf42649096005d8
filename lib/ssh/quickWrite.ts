import { randomBytes } from 'node:crypto'
import type { WriteOptions } from '../task.ts'
import { filePath, writeFailure } from './files.ts'
import { quote } from './quote.ts'
import type { Session } from './sessionTypes.ts'

/** Larger contents get a channel of their own, which the questions need not wait for. */
const most = 64 * 1024

// As `writeFile` does it, with two differences: `install` makes the empty file, owner and mode in
// one fork, and the content is a builtin's word, which no process list shows. A text cut short by a
// lost connection is an open quote, which no shell runs. Only `cat` knows why a write failed.
const script = `p=PATH; m=MODE
[ -L "$p" ] && { p=$(readlink -f "$p") || { echo "p: the link leads nowhere" >&2; exit 1; }; }
d=\${p%/*}; t=$d/.\${p##*/}.tandem-RANDOM
trap 'rm -f "$t"' EXIT
trap 'exit 1' HUP INT TERM
umask 077
install -m "$m" -o OWNER -g GROUP /dev/null "$t" || exit 1
c=CONTENT
printf %s "$c" >"$t" 2>/dev/null || { printf %s "$c" | cat >"$t"; exit 1; }
AGAIN
sync "$t" && mv -fT "$t" "$p" || exit 1
trap - EXIT
sync "\${d:-/}"`

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
  const values: Record<string, string> = {
    PATH: quote(path),
    MODE: o.mode.toString(8).padStart(4, '0'),
    OWNER: quote(owner),
    GROUP: quote(group),
    CONTENT: quote(text),
    // Writing takes the setuid and setgid bits away unless root writes.
    AGAIN: o.mode > 0o777 ? 'chmod "$m" "$t" || exit 1' : '',
    RANDOM: randomBytes(6).toString('hex'),
  }
  const whole = script.replace(
    /PATH|MODE|OWNER|GROUP|CONTENT|AGAIN|RANDOM/g,
    (key) => values[key] ?? key,
  )
  return session.ask(whole).then(({ exitCode, stderr }) => {
    if (exitCode !== 0) throw writeFailure(name, path, `${owner}:${group}`, stderr)
  })
}
