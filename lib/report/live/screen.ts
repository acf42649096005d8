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

/** The bottom of a terminal that is drawn anew, under lines that stay. */
export class Screen {
  readonly #stdout: Output
  readonly #columns: () => number
  readonly #rows: () => number
  readonly #paint: Paint
  #drawn = 0
  #view: ((height: number) => readonly Line[]) | undefined
  #timer: NodeJS.Timeout | undefined

  constructor(stdout: Output, columns: () => number, rows: () => number, paint: Paint) {
    this.#stdout = stdout
    this.#columns = columns
    this.#rows = rows
    this.#paint = paint
  }

  /** Draws what `view` returns, at once and then ten times a second. */
  show(view: (height: number) => readonly Line[]): void {
    this.#view = view
    this.print()
    this.#timer ??= setInterval(() => this.print(), frameMs)
  }

  /** Takes the frame away; the lines that stay remain. */
  hide(): void {
    clearInterval(this.#timer)
    this.#timer = undefined
    this.#view = undefined
    this.print()
  }

  /** Draws the frame anew under lines that stay; those may wrap and carry colours already. */
  print(staying: readonly string[] = []): void {
    // One row less than there are: the cursor rests under the frame, and nothing scrolls.
    const height = Math.max(1, this.#rows() - 1)
    const columns = Math.max(10, this.#columns() - 1)
    const frame = this.#frame(height)
    // A terminal made narrower has wrapped the old frame: what is left of it stays, harmlessly.
    const back = this.#drawn > 0 ? `\x1b[${this.#drawn}F\x1b[J` : ''
    const lines = [...staying, ...frame.map((line) => fitted(line, columns, this.#paint))]
    this.#drawn = frame.length
    const text = back + lines.map((line) => `${line}\n`).join('')
    // One write a frame, so that a terminal never shows half of one.
    if (text !== '') this.#stdout.write(text)
  }

  #frame(height: number): readonly Line[] {
    try {
      return this.#view?.(height).slice(0, height) ?? []
    } catch (error) {
      // A mistake in the display must not end a run in the middle of a change.
      this.#view = undefined
      return [[`(no display: ${sentence(error)})`]]
    }
  }
}
