import { randomBytes } from 'node:crypto'
import { quote } from '../core/quote.ts'
import type { WriteOptions } from '../core/task.ts'
import type { Connection } from './connect.ts'
import { exec } from './exec.ts'

/** What goes with a write besides mode and owner. */
export interface WriteFileOptions extends WriteOptions {
  readonly signal?: AbortSignal | undefined
  readonly busyLock?: string | undefined
  readonly timeoutMs?: number | undefined
}

/** A script that replaces a file in one step; `fill` makes `$t` with owner, mode and content, and syncs it. */
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
    AGAIN: mode > 0o777 ? 'chmod "$m" "$t" || exit 1' : '',
  }
  const names = new RegExp(Object.keys(values).join('|'), 'g')
  return `p=PATH; m=MODE
[ -L "$p" ] && { p=$(readlink -f "$p") || { echo "p: the link leads nowhere" >&2; exit 1; }; }
d=\${p%/*}; t=$d/.\${p##*/}.tandem-RANDOM
trap 'rm -f "$t"' EXIT
trap 'exit 1' HUP INT TERM
${fill}
mv -fT "$t" "$p" || exit 1
trap - EXIT
sync "\${d:-/}"`.replace(names, (name) => values[name] ?? name)
}

// One dd writes, syncs and counts: a fork each for cat, sync and stat saved. A content cut short
// by a lost connection looks like a good one to everything but the count. (A busybox may lack it.)
const fill = `o=OWNER n=SIZE
( umask 077; set -C; : >"$t" ) && chown "$o" "$t" && chmod "$m" "$t" || exit 1
s=$(dd of="$t" bs=65536 conv=fsync 2>&1) || { echo "$s" >&2; exit 1; }
case $s in
*"
$n byte"*) ;;
*) case $s in *byte*) false ;; *) [ "$(wc -c <"$t")" -eq $n ] ;; esac ||
  { echo "p: the content did not arrive whole" >&2; exit 1; } ;;
esac
AGAIN`

/**
 * Replaces a file in one step: a temporary file beside it gets owner and mode while it is empty,
 * then the content, is synced and renamed. On any failure the old file stays as it was. Where
 * the path is a symbolic link, the file it leads to is replaced.
 */
export async function writeFile(
  c: Connection,
  path: string,
  content: string | Buffer,
  o: WriteFileOptions,
): Promise<void> {
  filePath(path)
  const data = Buffer.from(content)
  const owner = quote(`${o.owner ?? 'root'}:${o.group ?? 'root'}`)
  const text = replacement(path, o.mode, fill, { OWNER: owner, SIZE: String(data.length) })
  const { signal, busyLock, timeoutMs } = o
  const output = await exec(c, text, { stdin: data, signal, busyLock, timeoutMs })
  if (output.exitCode === 0) return
  throw writeFailure(c.name, path, owner, output.stderr)
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

/** Why, out of a complaint such as `dd: error writing '/x/.f.tandem-1a': No space left on device`. */
function reason(stderr: string): string {
  const complaint = stderr.split('\n').find((line) => line.includes(': ')) ?? ''
  const aboutFile = /\.tandem-\w+['"]?: (.*)$/.exec(complaint)?.[1]
  const text = aboutFile ?? complaint.replace(/^\S+: (line )?(\d+: )?(write error: )?/, '')
  return text.trim() || stderr.trim() || 'no reason given'
}
