import { sentence } from '../../core/errors.ts'
import type { Colour, Paint } from '../colour.ts'
import type { Output } from '../reporter.ts'
import { cut } from '../text.ts'

/** A piece of a line: text, or text with its colour. */
export type Piece = string | readonly [Colour, string]

/** A line of pieces: cut to the terminal's width before it is coloured, so that it never wraps. */
export type Line = readonly Piece[]

/** Colours what fits into `columns`. */
export function fitted(line: Line, columns: number, paint: Paint): string {
  let left = columns
  let out = ''
  for (const piece of line) {
    const [colour, text] = typeof piece === 'string' ? [undefined, piece] : piece
    const shown = cut(text, left)
    out += colour ? paint(colour, shown) : shown
    left -= [...shown].length
    if (left <= 0) break
  }
  return out
}

/** Frames a second at most; more only costs time and flickers. */
const frameMs = 100

export type Screen = ReturnType<typeof screenOn>

/** The bottom of a terminal that is drawn anew, under lines that stay. */
export function screenOn(stdout: Output, columns: () => number, rows: () => number, paint: Paint) {
  let drawn = 0
  let aside = false
  let view: ((height: number) => readonly Line[]) | undefined
  let timer: NodeJS.Timeout | undefined

  function frameOf(height: number): readonly Line[] {
    if (aside) return []
    try {
      return view?.(height).slice(0, height) ?? []
    } catch (error) {
      // A mistake in the display must not end a run in the middle of a change.
      view = undefined
      return [[`(no display: ${sentence(error)})`]]
    }
  }

  /** Draws the frame anew under lines that stay; those may wrap and carry colours already. */
  function print(staying: readonly string[] = []): void {
    // One row less than there are: the cursor rests under the frame, and nothing scrolls.
    const frame = frameOf(Math.max(1, rows() - 1))
    const width = Math.max(10, columns() - 1)
    // A terminal made narrower has wrapped the old frame: what is left of it stays, harmlessly.
    const back = drawn > 0 ? `\x1b[${drawn}F\x1b[J` : ''
    const lines = [...staying, ...frame.map((line) => fitted(line, width, paint))]
    drawn = frame.length
    const text = back + lines.map((line) => `${line}\n`).join('')
    // One write a frame, so that a terminal never shows half of one.
    if (text !== '') stdout.write(text)
  }

  return {
    print,
    /** Draws what `next` returns, at once and then ten times a second. */
    show(next: (height: number) => readonly Line[]): void {
      view = next
      print()
      timer ??= setInterval(print, frameMs)
    },
    /** Draws no frame while something else is asked under the lines that stay. */
    async aside<T>(work: () => Promise<T>): Promise<T> {
      aside = true
      print()
      try {
        return await work()
      } finally {
        aside = false
      }
    },
    /** Takes the frame away; the lines that stay remain. */
    hide(): void {
      clearInterval(timer)
      timer = undefined
      view = undefined
      print()
    },
  }
}
