import { createHash } from 'node:crypto'
import { type Batch, inBatch, unclear } from '../../core/batch.ts'
import type { CheckHost, Host, Task } from '../../core/task.ts'
import { resource, type TaskOptions } from './resource.ts'
import { type Found, naming, otherNames, parseStatNamed, readStat, statFormat } from './stat.ts'
import { absolute } from './validate.ts'

/** A text file as the host has it; `path` is what a link led to. */
export interface TextFile {
  readonly path: string
  readonly found: Found
  readonly content: string
}

/** What an edit does to a text: the new text and a summary, or undefined where it is right already. */
export type Edit = (
  text: string,
) => { readonly content: string; readonly summary: string } | undefined

/** How an edit treats a file that is not there. */
export interface EditOptions extends TaskOptions {
  /** Makes the file where there is none, with this mode; without it, a missing file is an error. */
  readonly create?: { readonly mode: number }
}

/** A task that edits a text file and keeps its mode and owner; `missing` allows there to be none. */
export function editing(
  title: string,
  path: string,
  edit: Edit,
  options: EditOptions & { readonly missing?: boolean },
): Task {
  absolute(path)
  return resource(title, options, {
    async check(host) {
      const now = await readText(host, path)
      if (!now && options.missing) return undefined
      if (!now && !options.create) throw new Error(`Expected a file at ${path}, got none`)
      const edited = edit(now?.content ?? '')
      if (!edited) return undefined
      const { summary, content } = edited
      const real = now?.path ?? path
      return {
        summary: now ? summary + otherNames(now.found) : `${path} does not exist; ${summary}`,
        diff: {
          path: real,
          ...(real !== path && { paths: [path] }),
          before: now?.content,
          after: content,
        },
        now,
      }
    },
    async apply(host, { now, diff }) {
      await rewrite(host, path, now, diff.after, options.create?.mode)
    },
  })
}

/** Replaces a text file as it was read, with the mode and owner that it has; a new one is root's. */
export async function rewrite(
  host: Host,
  path: string,
  now: TextFile | undefined,
  content: string,
  newMode = 0o644,
): Promise<void> {
  const { mode = newMode, owner = 'root', group = 'root' } = now?.found ?? {}
  await host.write(now?.path ?? path, content, { mode, owner, group })
}

/** Reads a text file, through links; undefined where there is none. */
export function readText(host: CheckHost, path: string): Promise<TextFile | undefined> {
  return inBatch(host, texts, path)
}

const texts: Batch<string, TextFile | undefined> = { alone: readAlone, all: readAll }

async function readAlone(host: CheckHost, path: string): Promise<TextFile | undefined> {
  // Editing must reach the file behind a link: replacing the link would leave that one unchanged.
  const answer = await host.$`
p=${path}
if [ -h "$p" ]; then
  u=$(stat -c %u -- "$p") && p=$(readlink -f -- "$p") || exit
  [ -e "$p" ] || { echo "it is a link to $p, where nothing is" >&2; exit 1; }
  case $u in 0 | "$(id -u)" | "$(stat -c %u -- "$p")") ;; *) echo "it is a link to $p that belongs to another user (number $u)" >&2; exit 1 ;; esac
fi
stat -c ${statFormat} -- "$p" && printf '%s\\n' "$p" && if [ -f "$p" ]; then exec cat < "$p"; fi`.nothrow()
  const now = readStat(answer, path)
  if (!now) return undefined
  if (now.found.kind !== 'file') {
    throw new Error(`Expected a file at ${path}, got ${naming(now.found)}`)
  }
  const end = now.rest.indexOf('\n')
  const content = now.rest.slice(end + 1)
  const doubtful =
    content.includes('\ufffd') && !(await isExact(host, now.rest.slice(0, end), content))
  if (doubtful || content.includes('\0')) {
    throw new Error(`Expected UTF-8 text in ${path}, got other bytes`)
  }
  const size = Buffer.byteLength(content)
  if (size !== now.found.size) {
    throw new Error(
      `Expected ${now.found.size} bytes in ${path}, got ${size}: it changed meanwhile`,
    )
  }
  return { path: now.rest.slice(0, end), found: now.found, content }
}

/** Whether the file holds this text; U+FFFD also stands for bytes that could not be read as UTF-8. */
async function isExact(host: CheckHost, path: string, content: string): Promise<boolean> {
  const { stdout } = await host.$`sha256sum < ${path}`
  return stdout.startsWith(createHash('sha256').update(content).digest('hex'))
}

/** One `stat` and one `cat` for all plain files; links and what is missing are looked at alone. */
async function readAll(
  host: CheckHost,
  paths: readonly string[],
): Promise<(TextFile | typeof unclear)[]> {
  const answer = await host.$`
set --
for p in ${[...new Set(paths)]}; do
  if [ -f "$p" ] && [ ! -h "$p" ]; then set -- "$@" "$p"; fi
done
[ $# = 0 ] && exit
stat -c ${`${statFormat} %n`} -- "$@" && echo && exec cat -- "$@"`
  const bytes = Buffer.from(answer.stdout)
  // No line of `stat` is empty.
  const head = Math.max(bytes.indexOf('\n\n'), 0)
  let at = head + 2
  const files = new Map<string, TextFile>()
  for (const line of bytes.toString('utf8', 0, head).split('\n').filter(Boolean)) {
    const { found, path } = parseStatNamed(line)
    files.set(path, { path, found, content: bytes.toString('utf8', at, at + found.size) })
    at += found.size
  }
  // Sizes that do not add up, or bytes that are no text: nobody knows what is whose.
  const whole = files.size === 0 || at === bytes.length
  if (!whole || /[\0\ufffd]/.test(answer.stdout)) throw new Error('Expected nothing but text')
  return paths.map((path) => files.get(path) ?? unclear)
}

/** Cuts text into lines without their ends; `join` keeps CRLF, and a byte order mark, where the text has it. */
export function cut(whole: string) {
  const mark = whole.startsWith('\ufeff') ? '\ufeff' : ''
  const text = whole.slice(mark.length)
  const eol = /\r\n/.test(text) && !/(^|[^\r])\n/.test(text) ? '\r\n' : '\n'
  const lines = text === '' ? [] : text.split(eol)
  // The end of the last line is no further, empty line; a file without it gets one.
  if (lines.at(-1) === '') lines.pop()
  return { lines, join: (all: readonly string[]) => mark + all.map((line) => line + eol).join('') }
}
