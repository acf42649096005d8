import { Duplex, Readable } from 'node:stream'
import type { Channel } from '../login/connection.ts'
import { message, type Reader, string, uint32 } from './wire.ts'

/** What the server may send before we take it from a stream, in bytes. */
export const receiveWindow = 2 ** 21
/** The most that one message of ours and of the server's carries, in bytes. */
export const maxPacket = 2 ** 15

type Send = (type: number, ...body: readonly Buffer[]) => void

/** A channel of SSH's connection protocol: flow control, requests and the ways it ends. */
export class MuxChannel extends Duplex implements Channel {
  readonly stderr: Readable
  exited?: readonly [exitCode: number | null, signal?: string]
  readonly #send: Send
  readonly #sendMax: number
  #sendWindow: number
  /** What waits for the server to make room. */
  #unsent: { chunk: Buffer; sent: (error?: Error | null) => void } | undefined
  /** Bytes that a stream has taken, and for which the server is not yet told that it may send as many. */
  #taken = 0
  /** Bytes that stand in a stream which is full. */
  readonly #standing = new Map<Readable, number>()
  readonly #replies: ((well: boolean) => void)[] = []
  #closing = false
  #ended = false

  /** `confirmation` is the server's, behind our number: its own number, window and largest packet. */
  constructor(send: Send, confirmation: Reader) {
    super({ autoDestroy: false, emitClose: false })
    const remote = uint32(confirmation.uint32())
    this.#send = (type, ...body) => send(type, remote, ...body)
    this.#sendWindow = confirmation.uint32()
    this.#sendMax = Math.min(maxPacket, confirmation.uint32())
    this.stderr = new Readable({ read: () => this.#make(this.stderr) })
  }

  /** Asks the server for something; resolves with whether it was done. */
  request(type: string, ...body: readonly Buffer[]): Promise<boolean> {
    this.#send(message.request, string(type), Buffer.from([1]), ...body)
    return new Promise((resolve) => this.#replies.push(resolve))
  }

  close(): void {
    if (this.#closing) return
    this.#closing = true
    this.#send(message.close)
  }

  /** A message of the server's for this channel. */
  receive(type: number, body: Reader): void {
    switch (type) {
      case message.windowAdjust:
        this.#sendWindow += body.uint32()
        this.#flush()
        break
      case message.data:
        this.#deliver(this, body.string())
        break
      case message.extendedData:
        body.uint32()
        this.#deliver(this.stderr, body.string())
        break
      case message.eof:
        this.#end()
        break
      case message.request:
        this.#asked(body)
        break
      case message.success:
      case message.failure:
        this.#replies.shift()?.(type === message.success)
    }
  }

  /** The server closed it, or the connection is gone: `close` comes once its output was read. */
  over(): void {
    this.#closing = true
    for (const reply of this.#replies.splice(0)) reply(false)
    this.#end()
    const sent = this.#unsent?.sent
    this.#unsent = undefined
    sent?.()
    if (!this.writableEnded) this.end()
    const close = () => this.emit('close')
    if (this.readableEnded) close()
    else this.once('end', close)
  }

  override _read(): void {
    this.#make(this)
  }

  override _write(chunk: Buffer, _encoding: unknown, sent: (error?: Error | null) => void): void {
    this.#unsent = { chunk, sent }
    this.#flush()
  }

  override _final(sent: (error?: Error | null) => void): void {
    if (!this.#closing) this.#send(message.eof)
    sent()
  }

  #flush(): void {
    const unsent = this.#unsent
    if (!unsent) return
    // Whoever ended without reading its input is no error of the writer's.
    while (!this.#closing && unsent.chunk.length > 0) {
      const length = Math.min(unsent.chunk.length, this.#sendWindow, this.#sendMax)
      if (length === 0) return
      this.#sendWindow -= length
      this.#send(message.data, string(unsent.chunk.subarray(0, length)))
      unsent.chunk = unsent.chunk.subarray(length)
    }
    this.#unsent = undefined
    unsent.sent()
  }

  #deliver(stream: Readable, bytes: Buffer): void {
    if (this.#ended) return
    if (stream.push(bytes)) this.#taken += bytes.length
    else this.#standing.set(stream, (this.#standing.get(stream) ?? 0) + bytes.length)
    this.#adjust()
  }

  #make(stream: Readable): void {
    this.#taken += this.#standing.get(stream) ?? 0
    this.#standing.delete(stream)
    this.#adjust()
  }

  #adjust(): void {
    if (this.#closing || this.#taken < receiveWindow / 2) return
    this.#send(message.windowAdjust, uint32(this.#taken))
    this.#taken = 0
  }

  #end(): void {
    if (this.#ended) return
    this.#ended = true
    this.push(null)
    this.stderr.push(null)
  }

  #asked(body: Reader): void {
    const type = body.string().toString()
    const wantsReply = body.byte() === 1
    const isExit = type === 'exit-status' || type === 'exit-signal'
    if (isExit && !this.exited) {
      this.exited = type === 'exit-status' ? [body.uint32()] : [null, `SIG${body.string()}`]
      this.emit('exit', ...this.exited)
    }
    // A server's keepalive: without any answer it takes us for dead.
    if (!isExit && wantsReply) this.#send(message.failure)
  }
}
