import { UsageError } from '../core/errors.ts'
import type { Task } from '../core/task.ts'
import { cut, type Edit, type EditOptions, editing } from './shared/edit-file.ts'
import { show } from './shared/validate.ts'

/** What `line` may be told. */
export interface LineOptions extends EditOptions {
  /** The line as it must stand in the file. */
  readonly line: string
  /** The line it replaces; more than one that matches is an error. */
  readonly match?: RegExp
  /** Where the line is added: before the first line that matches this; at the end where none does, or without it. */
  readonly before?: RegExp
  /** A line that says as much: where one matches, nothing is added. */
  readonly unless?: RegExp
  /** Removes the line, and those that match, instead. */
  readonly absent?: boolean
}

/** One line of a text file: present once, in place of the one that matches, else at the end or `before` another. */
export function line(path: string, options: LineOptions): Task {
  if (/[\r\n]/.test(options.line)) {
    throw new UsageError(`Expected \`line\` to be one line, got ${show(options.line)}`)
  }
  const { line: wanted, absent = false } = options
  const title = `${absent ? 'no ' : ''}line ${show(wanted)} in ${path}`
  const edit = absent ? removal(options) : placement(path, options)
  return editing(title, path, edit, { ...options, missing: absent })
}

/** A global or sticky expression remembers where it was; a fresh one starts anew. */
const fresh = (match: RegExp | undefined) =>
  match && new RegExp(match.source, match.flags.replace(/[gy]/g, ''))

function matcher({ line: wanted, match }: LineOptions) {
  const like = fresh(match)
  return (candidate: string) => candidate === wanted || like?.test(candidate)
}

function removal(options: LineOptions): Edit {
  const matches = matcher(options)
  return (text) => {
    const { lines, join } = cut(text)
    const kept = lines.filter((candidate) => !matches(candidate))
    const gone = lines.length - kept.length
    if (gone === 0) return undefined
    return { content: join(kept), summary: gone === 1 ? 'removes a line' : `removes ${gone} lines` }
  }
}

function placement(path: string, options: LineOptions): Edit {
  const { line: wanted } = options
  const matches = matcher(options)
  const enough = fresh(options.unless)
  const before = fresh(options.before)
  return (text) => {
    const { lines, join } = cut(text)
    const places = lines.flatMap((candidate, index) => (matches(candidate) ? [index] : []))
    if (places.length > 0 && places.every((index) => lines[index] === wanted)) return undefined
    const [place] = places
    if (place === undefined && lines.some((candidate) => enough?.test(candidate))) return undefined
    if (place === undefined) {
      const next = lines.findIndex((candidate) => before?.test(candidate))
      const at = next < 0 ? lines.length : next
      return { content: join(lines.toSpliced(at, 0, wanted)), summary: 'adds a line' }
    }
    if (places.length > 1) {
      const numbers = places.map((index) => index + 1).join(', ')
      const what = options.match ? `${options.match}` : show(wanted)
      throw new Error(`Expected at most one line for ${what} in ${path}, got lines ${numbers}`)
    }
    return { content: join(lines.with(place, wanted)), summary: `replaces line ${place + 1}` }
  }
}
