import { UsageError } from '../core/errors.ts'
import type { Task } from '../core/task.ts'
import { cut, type EditOptions, editing } from './shared/edit-file.ts'
import { show } from './shared/validate.ts'

/** What `block` may be told. */
export interface BlockOptions extends EditOptions {
  /** Names the block within its file; it stands in both marker lines. */
  readonly name: string
  readonly lines: readonly string[]
  /** What starts a comment in this file; `#` unless given. */
  readonly comment?: string
  /** Removes block and markers instead. */
  readonly absent?: boolean
}

/** Lines of a text file between two marker lines of their own, so that they can change or go. */
export function block(path: string, options: BlockOptions): Task {
  const { name, lines: wanted, comment = '#', absent = false } = options
  for (const text of [name, comment, ...wanted]) {
    if (/[\r\n]/.test(text)) {
      throw new UsageError(`Expected single lines for block ${show(name)}, got ${show(text)}`)
    }
  }
  const [begin, end] = [`${comment} BEGIN ${name}`, `${comment} END ${name}`]
  if (wanted.includes(begin) || wanted.includes(end)) {
    throw new UsageError(`Expected the lines of block ${show(name)} to be without its markers`)
  }

  const title = `${absent ? 'no ' : ''}block ${show(name)} in ${path}`
  return editing(
    title,
    path,
    (text) => {
      const { lines, join } = cut(text)
      const { start, count } = find(path, lines, begin, end)
      const block = absent ? [] : [begin, ...wanted, end]
      const now = lines.slice(start, start + count)
      if (now.join('\n') === block.join('\n')) return undefined
      const verb = absent ? 'removes' : count === 0 ? 'adds' : 'changes'
      return {
        content: join(lines.toSpliced(start, count, ...block)),
        summary: `${verb} the block`,
      }
    },
    { ...options, missing: absent },
  )
}

/** Where the block stands, or would; a marker without its partner means somebody edited it, so it throws. */
function find(path: string, lines: readonly string[], begin: string, end: string) {
  const starts = lines.flatMap((line, index) => (line === begin ? [index] : []))
  const ends = lines.flatMap((line, index) => (line === end ? [index] : []))
  const [start, stop] = [starts[0] ?? lines.length, ends[0] ?? lines.length]
  if (starts.length === 0 && ends.length === 0) return { start, count: 0 }
  if (starts.length === 1 && ends.length === 1 && start < stop) {
    return { start, count: stop - start + 1 }
  }
  const at = (all: readonly number[]) => all.map((index) => index + 1).join(', ') || 'none'
  throw new Error(
    `Expected one ${show(begin)} before one ${show(end)} in ${path}, got lines ${at(starts)} and ${at(ends)}`,
  )
}
