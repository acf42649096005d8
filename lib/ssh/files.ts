import { randomBytes } from 'node:crypto'
import { quote } from '../core/quote.ts'
import type { WriteOptions } from '../core/task.ts'
import { exec } from './exec.ts'
import type { Connection } from './login/connection.ts'

/** What goes with a write besides mode and owner. */
export interface WriteFileOptions extends WriteOptions {
  readonly signal?: AbortSignal | undefined
  readonly busyLock?: string | undefined
  readonly timeoutMs?: number | undefined
}

/** A script that replaces a file in one step; `fill` gives the new one, `f` in the current folder, its content, and syncs it. */
export function replacement(
  path: string,
  mode: number,
  fill: string,
  more: Readonly<Record<string, string>>,
): string {
  const values: Record<string, string> = {
    ...more,
    PATH: quote(path),
    MODE: mode.toString(8).padStart(4, '0'),
    RANDOM: randomBytes(6).toString('hex'),
    // Writing takes the setuid and setgid bits away unless root writes.
    AGAIN: mode > 0o777 ? 'chmod "$m" f || exit 1' : '',
  }
  const names = new RegExp(Object.keys(values).join('|'), 'g')
  return steps(fill).replace(names, (name) => values[name] ?? name)
}

// The new file is made in a folder that only its owner may enter, and from there on no path is
// walked again: who may write in the folder of the file can put no link in the way.
const steps = (fill: string) => `p=PATH m=MODE
[ -h "$p" ] || [ ! -e "$p" ] || [ -f "$p" ] || { echo "p: what is there is a directory, a device or the like, and no regular file" >&2; exit 1; }
b=\${p##*/} d=\${p%/*} n=.tandem-RANDOM
umask 077
mkdir -m 700 "$d/$n" || exit 1
cd -P "$d/$n" && [ -O . ] || { echo "p: the folder made for the new file belongs to another user" >&2; rmdir "$d/$n"; exit 1; }
trap 'rm -f f; cd -P .. && rmdir "$n" 2>/dev/null' EXIT
trap 'exit 1' HUP INT TERM
if [ "$(pwd -P)" != "$d/$n" ]; then
  q=$d
  while [ -n "$q" ]; do
    if [ -h "$q" ]; then case $(stat -c %u -- "$q") in 0 | "$(id -u)" | "$(stat -L -c %u -- "$q")") ;; *) break ;; esac; fi
    q=\${q%/*}
  done
  a=$(cd -P "$d" && pwd -P)
  [ -z "$q" ] && [ "\${a%/}/$n" = "$(pwd -P)" ] ||
    { echo "p: \${q:-a folder on the way} is a link that belongs to another user" >&2; exit 1; }
fi
${fill}
mv -fT f "../$b" && cd -P .. && rmdir "$n" || exit 1
trap - EXIT
sync .`

/** Gives the empty file `f` the attributes of the file that it replaces, ACL included, and the mode again. */
export const keepAttributes = `if [ -f "../$b" ] && [ ! -h "../$b" ]; then
  cp --attributes-only --preserve=mode,xattr -- "../$b" f || case $(cp --help 2>&1) in BusyBox*) ;; *) exit 1 ;; esac
  chmod "$m" f || exit 1
fi`

// One dd writes, syncs and counts: a fork each for cat, sync and stat saved. A content cut short
// by a lost connection looks like a good one to everything but the count. (A busybox may lack it.)
const fill = `o=OWNER s=SIZE
: >f && chown "$o" f && chmod "$m" f || exit 1
${keepAttributes}
a=$(dd of=f bs=65536 conv=fsync 2>&1) || { echo "$a" >&2; exit 1; }
case $a in
*"
$s byte"*) ;;
*) case $a in *byte*) false ;; *) [ "$(wc -c <f)" -eq $s ] ;; esac ||
  { echo "p: the content did not arrive whole" >&2; exit 1; } ;;
esac
AGAIN`

/**
 * Replaces a file, or a symbolic link itself, in one step: a new file in a closed folder beside it gets
 * owner, mode and the old one's ACL and attributes while it is empty, then the content, is synced and
 * renamed. On any failure the old file stays as it was.
 */
export async function writeFile(
  c: Connection,
  path: string,
  content: string | Buffer,
  o: WriteFileOptions,
): Promise<void> {
  const data = Buffer.from(content)
  const { signal, busyLock, timeoutMs } = o
  const text = writeScript(path, data.length, o)
  const output = await exec(c, text, { stdin: data, signal, busyLock, timeoutMs })
  if (output.exitCode === 0) return
  throw writeFailure(c.name, path, `${o.owner ?? 'root'}:${o.group ?? 'root'}`, output.stderr)
}

/** The script of `writeFile`, which reads `size` bytes from its standard input. */
export function writeScript(path: string, size: number, o: WriteOptions): string {
  filePath(path)
  const owner = quote(`${o.owner ?? 'root'}:${o.group ?? 'root'}`)
  return replacement(path, o.mode, fill, { OWNER: owner, SIZE: String(size) })
}

/** The path of a file, or a TypeError. */
export function filePath(path: string): string {
  if (/^\/.*[^/]$/s.test(path)) return path
  throw new TypeError(`Expected an absolute path of a file, got ${JSON.stringify(path)}`)
}

/** What a failed write says: one sentence. */
export function writeFailure(name: string, path: string, owner: string, stderr: string): Error {
  const about = /^(chown|install): (invalid|unknown)/.test(stderr) ? ` as ${owner}` : ''
  return new Error(`${name}: cannot write ${path}${about}: ${reason(stderr)}`)
}

const busy = 'something is mounted on this file; unmount it first, or change what is mounted there'

/** Why, out of a complaint such as `dd: error writing 'f': No space left on device`. */
function reason(stderr: string): string {
  const complaint = stderr.split('\n').find((line) => line.includes(': ')) ?? ''
  const aboutFile = /(?:\.tandem-\w+|'f'|to '\.\.\/.*')['"]?: (.*)$/.exec(complaint)?.[1]
  if (/ to '\.\.\/.*: Device or resource busy$/.test(complaint)) return busy
  const text = aboutFile ?? complaint.replace(/^\S+: (line )?(\d+: )?(write error: )?/, '')
  return text.trim() || stderr.trim() || 'no reason given'
}
