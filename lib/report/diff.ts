import type { Diff } from '../core/task.ts'
import { harmless, type Paint } from './colour.ts'

/** Above this many line pairs the middle is shown as replaced whole: the table would be too large. */
const tableLimit = 4_000_000
const context = 3

interface Line {
  readonly sign: ' ' | '-' | '+'
  readonly text: string
}

/** A unified diff as lines; a secret's texts never appear. */
export function diffLines(diff: Diff, paint: Paint): string[] {
  const path = harmless(diff.path)
  if (diff.secret) return [`${path}: (secret, not shown)`]
  const heads = [
    paint('bold', `--- ${diff.before === undefined ? '/dev/null' : path}`),
    paint('bold', `+++ ${diff.after === undefined ? '/dev/null' : path}`),
  ]
  const body = hunks(compare(split(diff.before), split(diff.after)))
  return [...heads, ...body.map((line) => painted(harmless(line), paint))]
}

function painted(line: string, paint: Paint): string {
  if (line.startsWith('+')) return paint('green', line)
  if (line.startsWith('-')) return paint('red', line)
  return line.startsWith('@') ? paint('cyan', line) : line
}

const unended = '\\ no newline at end of file'

/** Lines of a text; one without a final newline says so, since that is a difference too. */
function split(text: string | undefined): string[] {
  if (text === undefined || text === '') return []
  const lines = text.split('\n')
  if (lines.at(-1) === '') return lines.slice(0, -1)
  return [...lines.slice(0, -1), `${lines.at(-1)}\n${unended}`]
}

/** The longest common subsequence, after equal lines at both ends are taken off. */
function compare(before: readonly string[], after: readonly string[]): Line[] {
  let start = 0
  while (start < before.length && start < after.length && before[start] === after[start]) start++
  let end = 0
  while (
    end < before.length - start &&
    end < after.length - start &&
    before[before.length - 1 - end] === after[after.length - 1 - end]
  ) {
    end++
  }
  const same = (texts: readonly string[]): Line[] => texts.map((text) => ({ sign: ' ', text }))
  return [
    ...same(before.slice(0, start)),
    ...middle(before.slice(start, before.length - end), after.slice(start, after.length - end)),
    ...same(before.slice(before.length - end)),
  ]
}

function middle(before: readonly string[], after: readonly string[]): Line[] {
  const width = after.length + 1
  if (before.length * width > tableLimit) {
    return [
      ...before.map((text): Line => ({ sign: '-', text })),
      ...after.map((text): Line => ({ sign: '+', text })),
    ]
  }
  const table = new Uint32Array((before.length + 1) * width)
  const at = (row: number, column: number) => table[row * width + column] ?? 0
  for (let row = before.length - 1; row >= 0; row--) {
    for (let column = after.length - 1; column >= 0; column--) {
      table[row * width + column] =
        before[row] === after[column]
          ? at(row + 1, column + 1) + 1
          : Math.max(at(row + 1, column), at(row, column + 1))
    }
  }
  const lines: Line[] = []
  let row = 0
  let column = 0
  while (row < before.length || column < after.length) {
    const old = before[row]
    const fresh = after[column]
    if (old !== undefined && old === fresh) {
      lines.push({ sign: ' ', text: old })
      row++
      column++
    } else if (
      old !== undefined &&
      (fresh === undefined || at(row + 1, column) >= at(row, column + 1))
    ) {
      lines.push({ sign: '-', text: old })
      row++
    } else {
      lines.push({ sign: '+', text: fresh ?? '' })
      column++
    }
  }
  return lines
}

/** Changed lines with three lines around, under `@@` heads. */
function hunks(lines: readonly Line[]): string[] {
  const near = lines.map((_, index) =>
    lines.slice(Math.max(0, index - context), index + context + 1).some(({ sign }) => sign !== ' '),
  )
  const out: string[] = []
  let old = 1
  let fresh = 1
  let index = 0
  while (index < lines.length) {
    if (!near[index]) {
      old++
      fresh++
      index++
      continue
    }
    const hunk: string[] = []
    const [oldStart, freshStart] = [old, fresh]
    for (; index < lines.length && near[index]; index++) {
      const line = lines[index]
      if (!line) break
      if (line.sign !== '+') old++
      if (line.sign !== '-') fresh++
      hunk.push(...`${line.sign}${line.text}`.split('\n'))
    }
    out.push(`@@ -${range(oldStart, old)} +${range(freshStart, fresh)} @@`, ...hunk)
  }
  return out
}

/** `diff -u` counts an empty side from the line before it. */
function range(start: number, end: number): string {
  const length = end - start
  return `${length === 0 ? start - 1 : start}${length === 1 ? '' : `,${length}`}`
}
