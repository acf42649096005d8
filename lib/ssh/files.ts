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

/** A script that replaces a file in one step; `fill` gives the new one, `$f`, its content, and syncs it. */
export function replacement(
  path: string,
  { mode, owner = 'root', group = 'root' }: WriteOptions,
  fill: string,
  more: Readonly<Record<string, string>>,
): string {
  const values: Record<string, string> = {
    ...more,
    PATH: quote(path),
    USER: quote(owner),
    GROUP: quote(group),
    WANTED: quote(`${mode.toString(8)} ${owner}:${group}`),
    UMASK: (0o666 & ~mode).toString(8).padStart(3, '0'),
    MODE: mode.toString(8).padStart(4, '0'),
    RANDOM: randomBytes(6).toString('hex'),
    // Writing takes the setuid and setgid bits away unless root writes.
    AGAIN: mode > 0o777 ? 'chmod "$m" "$f" || exit 1' : '',
  }
  const names = new RegExp(Object.keys(values).join('|'), 'g')
  return steps(fill).replace(names, (name) => values[name] ?? name)
}

// The new file is made beside the old one where nobody else may write there, and no link is on the way.
// Else in a folder that only its owner may enter. From there on no path is walked again: no link gets in the way.
const steps = (fill: string) => `p=PATH m=MODE
[ -h "$p" ] || [ ! -e "$p" ] || [ -f "$p" ] || { echo "p: what is there is a directory, a device or the like, and no regular file" >&2; exit 1; }
b=\${p##*/} d=\${p%/*} n=.tandem-RANDOM w=WANTED
trap 'exit 1' HUP INT TERM
f=./$n t=./$b s= l='
'
if cd -P "$d/" 2>/dev/null && [ "$PWD" = "\${d:-/}" ] && [ -O . ]; then
  trap 'rm -f "$f"' EXIT
  umask UMASK
  { printf '' >"$f" && s=$(stat -c '%A %a %U:%G' . "$t" "$f"); } 2>/dev/null
fi
umask 077
case $s in ?????-??-*) ;; *)
[ ! -e "$f" ] || rm -f "$f"
f=f t=../$b s=
mkdir -m 700 "$d/$n" || exit 1
cd -P "$d/$n" && [ -O . ] || { echo "p: the folder made for the new file belongs to another user" >&2; rmdir "$d/$n"; exit 1; }
trap 'rm -f f; cd -P .. && rmdir "$n" 2>/dev/null' EXIT
if [ "$PWD" != "$d/$n" ]; then
  q=$d
  while [ -n "$q" ]; do
    if [ -h "$q" ]; then case $(stat -c %u -- "$q") in 0 | "$(id -u)" | "$(stat -L -c %u -- "$q")") ;; *) break ;; esac; fi
    q=\${q%/*}
  done
  a=$(cd -P "$d" && pwd -P)
  [ -z "$q" ] && [ "\${a%/}/$n" = "$PWD" ] ||
    { echo "p: \${q:-a folder on the way} is a link that belongs to another user" >&2; exit 1; }
fi
esac
${fill}
mv -fT "$f" "$t" || exit 1
[ "$f" = "./$n" ] || { cd -P .. && rmdir "$n"; } || exit 1
trap - EXIT
sync .`

/** Gives the empty file `$f` its owner and mode, and the attributes of the file that it replaces, ACL included. */
export const prepare = (
  own: string,
) => `case $s in *"$l"-?????????" $w") ;; *) ${own} || exit 1 ;; esac
if [ -f "$t" ] && [ ! -h "$t" ]; then
  cp --attributes-only --preserve=mode,xattr -- "$t" "$f" || case $(cp --help 2>&1) in BusyBox*) ;; *) exit 1 ;; esac
  case $s in *"$l"-?????????" $w$l"*) ;; *) chmod "$m" "$f" || exit 1 ;; esac
fi`

// One dd writes, syncs and counts: a fork each for cat, sync and stat saved. A content cut short
// by a lost connection looks like a good one to everything but the count. (A busybox may lack it.)
const fill = `${prepare('{ : >"$f" && chown USER:GROUP "$f" && chmod "$m" "$f"; }')}
a=$(dd of="$f" bs=65536 conv=fsync 2>&1) || { echo "$a" >&2; exit 1; }
case $a in
*"
SIZE byte"*) ;;
*) case $a in *byte*) false ;; *) [ "$(wc -c <"$f")" -eq SIZE ] ;; esac ||
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
  return replacement(path, o, fill, { SIZE: String(size) })
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
  const aboutFile = /(?:\.tandem-\w+|'f'|to '\.\.?\/.*')['"]?: (.*)$/.exec(complaint)?.[1]
  if (/ to '\.\.?\/.*: Device or resource busy$/.test(complaint)) return busy
  const text = aboutFile ?? complaint.replace(/^\S+: (line )?(\d+: )?(write error: )?/, '')
  return text.trim() || stderr.trim() || 'no reason given'
}
