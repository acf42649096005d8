/** Cuts a byte stream so that no chunk ends inside a UTF-8 character; bytes are never changed. */
export class Utf8Cutter {
  #rest: Buffer = Buffer.alloc(0)

  push(chunk: Buffer): Buffer {
    const buffer = this.#rest.length ? Buffer.concat([this.#rest, chunk]) : chunk
    const cut = buffer.length - unfinished(buffer)
    this.#rest = buffer.subarray(cut)
    return buffer.subarray(0, cut)
  }

  end(): Buffer {
    const rest = this.#rest
    this.#rest = Buffer.alloc(0)
    return rest
  }
}

/** How many bytes at the end begin a character without ending it. */
function unfinished(buffer: Buffer): number {
  for (let back = 1; back <= Math.min(3, buffer.length); back++) {
    const byte = buffer[buffer.length - back] as number
    if ((byte & 0xc0) === 0x80) continue
    const length = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc0 ? 2 : 1
    return length > back ? back : 0
  }
  return 0
}
