import { structuredPatch } from 'diff'
import type { Diff } from '../core/task.ts'
import { harmless, type Paint } from './colour.ts'

/** More changed lines than this are shown as one text replaced by another: to find the fewest would take too long. */
const mostChanges = 2_000

/** A unified diff as lines; a secret's texts never appear. */
export function diffLines(diff: Diff, paint: Paint): string[] {
  const path = harmless(diff.path)
  if (diff.secret) return [`${path}: (secret, not shown)`]
  const heads = [
    paint('bold', `--- ${diff.before === undefined ? '/dev/null' : path}`),
    paint('bold', `+++ ${diff.after === undefined ? '/dev/null' : path}`),
  ]
  const body = hunks(diff.before ?? '', diff.after ?? '')
  return [...heads, ...body.map((line) => painted(harmless(line), paint))]
}

function painted(line: string, paint: Paint): string {
  if (line.startsWith('+')) return paint('green', line)
  if (line.startsWith('-')) return paint('red', line)
  return line.startsWith('@') ? paint('cyan', line) : line
}

/** Changed lines with three lines around, under `@@` heads. */
function hunks(before: string, after: string): string[] {
  const patch =
    structuredPatch('', '', before, after, '', '', {
      context: 3,
      maxEditLength: mostChanges,
    }) ?? replaced(before, after)
  return patch.hunks.flatMap(({ oldStart, oldLines, newStart, newLines, lines }) => [
    `@@ -${range(oldStart, oldLines)} +${range(newStart, newLines)} @@`,
    ...lines,
  ])
}

/** All of one text taken away, all of the other put there. */
function replaced(before: string, after: string) {
  const none = { oldStart: 0, oldLines: 0, newStart: 0, newLines: 0, lines: [] }
  const [gone = none] = structuredPatch('', '', before, '', '', '').hunks
  const [come = none] = structuredPatch('', '', '', after, '', '').hunks
  const { newStart, newLines } = come
  return { hunks: [{ ...gone, newStart, newLines, lines: [...gone.lines, ...come.lines] }] }
}

/** As `diff -u` has it: an empty side counts from the line before it, and one line needs no count. */
function range(start: number, count: number): string {
  return count === 1 ? `${start}` : `${count === 0 ? start - 1 : start},${count}`
}
