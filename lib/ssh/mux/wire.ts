/** Numbers of the messages of SSH's connection protocol (RFC 4254, section 9). */
export const message = {
  open: 90,
  openConfirmation: 91,
  openFailure: 92,
  windowAdjust: 93,
  data: 94,
  extendedData: 95,
  eof: 96,
  close: 97,
  request: 98,
  success: 99,
  failure: 100,
} as const

/** A number of 32 bits, as SSH writes it. */
export function uint32(value: number): Buffer {
  const buffer = Buffer.alloc(4)
  buffer.writeUInt32BE(value)
  return buffer
}

/** A text or bytes, with their length before them. */
export function string(value: string | Buffer): Buffer {
  const bytes = Buffer.from(value)
  return Buffer.concat([uint32(bytes.length), bytes])
}

/** Reads what SSH writes, piece after piece. */
export class Reader {
  readonly #buffer: Buffer
  #at = 0

  constructor(buffer: Buffer) {
    this.#buffer = buffer
  }

  byte(): number {
    return this.#buffer.readUInt8(this.#at++)
  }

  uint32(): number {
    this.#at += 4
    return this.#buffer.readUInt32BE(this.#at - 4)
  }

  string(): Buffer {
    const length = this.uint32()
    this.#at += length
    return this.#buffer.subarray(this.#at - length, this.#at)
  }
}

/** Cuts a stream of bytes into packets, each with its length of 32 bits before it. */
export class Packets {
  #pieces: Buffer[] = []
  #size = 0

  /** The packets that are whole now, without their lengths. */
  push(chunk: Buffer): Buffer[] {
    this.#pieces.push(chunk)
    this.#size += chunk.length
    const found: Buffer[] = []
    for (let needed = this.#needed(); this.#size >= needed; needed = this.#needed()) {
      const all = Buffer.concat(this.#pieces, this.#size)
      found.push(all.subarray(4, needed))
      this.#pieces = [all.subarray(needed)]
      this.#size -= needed
    }
    return found
  }

  #needed(): number {
    if (this.#size < 4) return 4
    const [first] = this.#pieces
    if (first && first.length < 4) this.#pieces = [Buffer.concat(this.#pieces, this.#size)]
    return 4 + (this.#pieces[0] as Buffer).readUInt32BE()
  }
}
