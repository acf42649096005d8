/** A line that the shell on the host wrote between the output of commands. */
export interface Mark {
  readonly kind: string
  readonly id: number
  readonly value: number
}

const longestMark = 48

/** Parts one byte stream into data and marks, which look like `NONCE:E:7:0` and a line feed. */
export class Frames {
  #rest: Buffer = Buffer.alloc(0)
  readonly #nonce: Buffer
  readonly #onData: (data: Buffer) => void
  readonly #onMark: (mark: Mark) => void

  constructor(nonce: string, onData: (data: Buffer) => void, onMark: (mark: Mark) => void) {
    this.#nonce = Buffer.from(nonce)
    this.#onData = onData
    this.#onMark = onMark
  }

  push(chunk: Buffer): void {
    let buffer = this.#rest.length ? Buffer.concat([this.#rest, chunk]) : chunk
    for (;;) {
      const start = buffer.indexOf(this.#nonce)
      if (start < 0) break
      const end = buffer.indexOf(10, start)
      if (end < 0 && buffer.length - start < this.#nonce.length + longestMark) {
        this.#emit(buffer.subarray(0, start))
        this.#rest = buffer.subarray(start)
        return
      }
      const text = end < 0 ? '' : buffer.toString('latin1', start + this.#nonce.length, end)
      const mark = /^:([A-Z]):(\d+):(\d+)$/.exec(text)
      // The nonce without a mark is output: a check may print the shell's own variables.
      const cut = mark ? start : start + this.#nonce.length
      this.#emit(buffer.subarray(0, cut))
      buffer = buffer.subarray(mark ? end + 1 : cut)
      if (mark) {
        this.#onMark({ kind: mark[1] as string, id: Number(mark[2]), value: Number(mark[3]) })
      }
    }
    const keep = this.#partialNonce(buffer)
    this.#emit(buffer.subarray(0, buffer.length - keep))
    this.#rest = buffer.subarray(buffer.length - keep)
  }

  /** Everything that was held back because it could have become a mark. */
  flush(): void {
    const rest = this.#rest
    this.#rest = Buffer.alloc(0)
    this.#emit(rest)
  }

  #emit(data: Buffer): void {
    if (data.length) this.#onData(data)
  }

  #partialNonce(buffer: Buffer): number {
    for (let n = Math.min(this.#nonce.length - 1, buffer.length); n > 0; n--) {
      if (this.#nonce.subarray(0, n).equals(buffer.subarray(buffer.length - n))) return n
    }
    return 0
  }
}
