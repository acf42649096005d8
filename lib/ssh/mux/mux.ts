import net from 'node:net'
import { MuxChannel, maxPacket, receiveWindow } from './mux-channel.ts'
import { message, Packets, Reader, string, uint32 } from './wire.ts'

/** Of OpenSSH's PROTOCOL.mux: the greeting, its version, and the request to pass messages through. */
const hello = 1
const version = 4
const proxy = 0x1000000f
const proxied = 0x8000000f

/** The server refused to open a channel; `reason` is its number (RFC 4254, section 5.1). */
export class ChannelRefused extends Error {
  readonly reason: number

  constructor(reason: number, text: string) {
    super(text)
    this.reason = reason
  }
}

interface Opening {
  resolve(channel: MuxChannel): void
  reject(error: Error): void
}

/**
 * Channels over a connection that an ssh master holds: it passes the messages of SSH's connection
 * protocol between its control socket and the server (`ssh -O proxy`, OpenSSH 7.4 and later).
 */
export class Mux {
  /** Resolves when the control socket has closed. */
  readonly ended: Promise<void>
  readonly #socket: net.Socket
  readonly #packets = new Packets()
  readonly #opening = new Map<number, Opening>()
  readonly #channels = new Map<number, MuxChannel>()
  #started: (() => void) | undefined
  #next = 0

  /** Connects to the control socket at `path`; rejects where nobody there speaks the protocol. */
  static async to(path: string): Promise<Mux> {
    const mux = new Mux(net.connect(path))
    await new Promise<void>((resolve, reject) => {
      mux.#started = resolve
      mux.ended.then(() => reject(new Error('ssh closed its control socket')))
    })
    return mux
  }

  private constructor(socket: net.Socket) {
    this.#socket = socket
    socket.on('data', (chunk) => {
      try {
        for (const packet of this.#packets.push(chunk)) this.#receive(packet)
      } catch {
        // A server that does not keep to the protocol loses its own connection, and no other.
        socket.destroy()
      }
    })
    // The reason comes from ssh itself; here it is the end.
    socket.on('error', () => {})
    this.ended = new Promise((resolve) => socket.once('close', () => resolve()))
    socket.write(string(Buffer.concat([uint32(hello), uint32(version)])))
    socket.write(string(Buffer.concat([uint32(proxy), uint32(0)])))
  }

  /** Opens a channel of a type, with what that type needs; rejects with `ChannelRefused`. */
  open(type: string, ...body: readonly Buffer[]): Promise<MuxChannel> {
    const id = this.#next++
    return new Promise((resolve, reject) => {
      if (this.#socket.destroyed) return reject(new Error('the connection has ended'))
      this.#opening.set(id, { resolve, reject })
      const limits = [uint32(receiveWindow), uint32(maxPacket)]
      this.#send(message.open, string(type), uint32(id), ...limits, ...body)
    })
  }

  /** Ends all channels, once whoever waits for them can learn why. */
  end(): void {
    this.#socket.destroy()
    for (const { reject } of this.#opening.values()) reject(new Error('the connection has ended'))
    for (const channel of this.#channels.values()) channel.over()
    this.#opening.clear()
    this.#channels.clear()
  }

  /** Padding, which is none, then the type. */
  readonly #send = (type: number, ...body: readonly Buffer[]) => {
    if (this.#socket.destroyed) return
    this.#socket.write(string(Buffer.concat([Buffer.from([0, type]), ...body])))
  }

  #receive(packet: Buffer): void {
    const reader = new Reader(packet)
    if (this.#started) {
      if (reader.uint32() !== proxied) return
      this.#started()
      this.#started = undefined
      return
    }
    reader.byte()
    const type = reader.byte()
    if (type < message.openConfirmation || type > message.failure) return
    const id = reader.uint32()
    const opening = this.#opening.get(id)
    const channel = this.#channels.get(id)
    if (opening && type === message.openConfirmation) {
      this.#opening.delete(id)
      const made = new MuxChannel(this.#send, reader)
      this.#channels.set(id, made)
      opening.resolve(made)
    } else if (opening && type === message.openFailure) {
      this.#opening.delete(id)
      const reason = reader.uint32()
      opening.reject(new ChannelRefused(reason, reader.string().toString()))
    } else if (channel && type === message.close) {
      this.#channels.delete(id)
      channel.close()
      channel.over()
    } else channel?.receive(type, reader)
  }
}
