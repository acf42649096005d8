/** A terminal as far as the live report uses one: it keeps what a person would see. */
export class Terminal {
  readonly #lines: string[] = ['']
  readonly #columns: number
  readonly #rows: number
  #row = 0
  writes = 0

  constructor(columns: number, rows: number) {
    this.#columns = columns
    this.#rows = rows
  }

  write(text: string): void {
    this.writes++
    // biome-ignore lint/suspicious/noControlCharactersInRegex: escape sequences begin with one
    for (const part of text.split(/(\x1b\[\d*[A-Za-z]|\n)/)) {
      // biome-ignore lint/suspicious/noControlCharactersInRegex: escape sequences begin with one
      const [, count, code] = /^\x1b\[(\d*)([A-Za-z])$/.exec(part) ?? []
      if (code === 'F') this.#up(Number(count))
      else if (code === 'J') this.#lines.length = this.#row + 1
      else if (code === 'm') continue
      else if (part === '\n') this.#lines[++this.#row] ??= ''
      else if (code) throw new Error(`unexpected sequence ${JSON.stringify(part)}`)
      else this.#put(part)
    }
  }

  #up(count: number): void {
    if (count >= this.#rows) throw new Error('a frame reached above the top of the terminal')
    this.#row -= count
    this.#lines[this.#row] = ''
  }

  #put(text: string): void {
    this.#lines[this.#row] += text
  }

  /** Every line, those scrolled away included. */
  get text(): string {
    return this.#lines.map((line) => line.trimEnd()).join('\n')
  }

  /** The longest line, to see that none wraps. */
  get widest(): number {
    return Math.max(...this.#lines.map((line) => [...line].length))
  }

  get columns(): number {
    return this.#columns
  }
}
