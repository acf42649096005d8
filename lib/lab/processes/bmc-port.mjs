// A BMC's place on the switch: answers ARP for its address, and passes IPMI (UDP 623) to and from
// its process on this computer. The few headers are built by hand, so that no root is needed.
import { createSocket } from 'node:dgram'

/** Bytes of a frame's length in front of it, as QEMU's netdev `stream` has them. */
const head = 4
/** The port of IPMI over a network. */
const ipmi = 623
/** Milliseconds after which a conversation that nobody goes on with is forgotten. */
const idleMs = 60_000
/** As many conversations at once as a BMC has; the oldest makes place. */
const mostTalks = 32

/** @param {string} text */
const addressBytes = (text) => Buffer.from(text.split('.').map(Number))
/** @param {string} text */
const macBytes = (text) => Buffer.from(text.replaceAll(':', ''), 'hex')

/** The Internet checksum of some pieces, each of an even length but the last. @param {Buffer[]} pieces */
function checksum(...pieces) {
  let sum = 0
  for (const piece of pieces) {
    for (let at = 0; at + 1 < piece.length; at += 2) sum += piece.readUInt16BE(at)
    if (piece.length % 2 === 1) sum += (piece.at(-1) ?? 0) << 8
  }
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16)
  return ~sum & 0xffff
}

/** A frame with its length in front, padded to Ethernet's least. @param {Buffer[]} pieces */
function framed(...pieces) {
  const body = Buffer.concat(pieces)
  const frame = Buffer.alloc(head + Math.max(60, body.length))
  frame.writeUInt32BE(frame.length - head)
  body.copy(frame, head)
  return frame
}

/** Who asks: a card, its address and the port it asks from. @typedef {{mac: Buffer, address: Buffer, port: number}} Asker */
/** One asker's conversation. @typedef {{socket: import('node:dgram').Socket, usedAt: number}} Talk */

/** The virtual card of one BMC. */
export class BmcPort {
  #address
  #mac
  #forward
  /** @type {number | undefined} */
  #port
  #cut = false
  #number = 0
  /** @type {Map<string, Talk>} */
  #talks = new Map()

  /** @param {string} address @param {string} mac @param {(frame: Buffer) => void} forward */
  constructor(address, mac, forward) {
    this.#address = addressBytes(address)
    this.#mac = macBytes(mac)
    this.#forward = forward
  }

  /** Says where the BMC's process listens, and whether its cable is cut. @param {{port?: number, cut?: boolean}} told */
  tell({ port, cut = false }) {
    if (port !== this.#port || cut) this.#forget(() => true)
    this.#port = port
    this.#cut = cut
  }

  /** Takes whole frames off the segment. @param {Buffer} frames */
  send(frames) {
    for (let at = 0; at + head <= frames.length; ) {
      const end = at + head + frames.readUInt32BE(at)
      if (!this.#cut) this.#take(frames.subarray(at + head, end))
      at = end
    }
  }

  /** @param {Buffer} frame */
  #take(frame) {
    if (frame.length < 34) return
    const kind = frame.readUInt16BE(12)
    if (kind === 0x0806) this.#answerArp(frame)
    else if (kind === 0x0800 && frame.subarray(0, 6).equals(this.#mac)) this.#takeIp(frame)
  }

  /** @param {Buffer} frame */
  #answerArp(frame) {
    const asked = frame.length >= 42 && frame.toString('hex', 14, 22) === '0001080006040001'
    if (!asked || !frame.subarray(38, 42).equals(this.#address)) return
    const sender = frame.subarray(22, 32)
    const reply = Buffer.from('08060001080006040002', 'hex')
    const asker = frame.subarray(22, 28)
    this.#forward(framed(asker, this.#mac, reply, this.#mac, this.#address, sender))
  }

  /** @param {Buffer} frame */
  #takeIp(frame) {
    const length = frame.readUInt16BE(16)
    const header = ((frame[14] ?? 0) & 0xf) * 4
    const packet = frame.subarray(14, 14 + length)
    const fragment = (packet.readUInt16BE(6) & 0x3fff) !== 0
    if (packet.length < length || length < header + 8 || header < 20 || fragment) return
    if (packet[9] !== 17 || !packet.subarray(16, 20).equals(this.#address)) return
    const datagram = packet.subarray(header)
    const size = datagram.readUInt16BE(4)
    if (datagram.readUInt16BE(2) !== ipmi || size < 8 || size > datagram.length) return
    const mac = Buffer.from(frame.subarray(6, 12))
    const address = Buffer.from(packet.subarray(12, 16))
    this.#ask({ mac, address, port: datagram.readUInt16BE(0) }, datagram.subarray(8, size))
  }

  /** @param {Asker} asker @param {Buffer} text */
  #ask(asker, text) {
    const port = this.#port
    if (port === undefined) return
    const name = `${asker.mac.toString('hex')} ${asker.address.join('.')}:${asker.port}`
    const talk = this.#talks.get(name) ?? this.#begin(name, asker)
    talk.usedAt = Date.now()
    talk.socket.send(text, port, '127.0.0.1')
  }

  /** A socket of its own for each port that is asked from, so that answers find their way back. @param {string} name @param {Asker} asker */
  #begin(name, asker) {
    this.#forget((talk) => Date.now() - talk.usedAt > idleMs)
    const [oldest] = this.#talks.keys()
    if (this.#talks.size >= mostTalks && oldest) this.#forget((_, other) => other === oldest)
    const socket = createSocket('udp4')
    socket.bind(0, '127.0.0.1')
    // A BMC that has ended answers nobody, as one without power.
    socket.on('error', () => this.#forget((_, other) => other === name))
    socket.on('message', (text, from) => {
      if (from.port === this.#port && this.#talks.get(name)?.socket === socket)
        this.#answer(asker, text)
    })
    const talk = { socket, usedAt: Date.now() }
    this.#talks.set(name, talk)
    return talk
  }

  /** @param {Asker} asker @param {Buffer} text */
  #answer(asker, text) {
    if (this.#cut) return
    const ip = Buffer.alloc(20)
    ip[0] = 0x45
    ip.writeUInt16BE(28 + text.length, 2)
    this.#number = (this.#number + 1) & 0xffff
    ip.writeUInt16BE(this.#number, 4)
    ip[8] = 64
    ip[9] = 17
    this.#address.copy(ip, 12)
    asker.address.copy(ip, 16)
    ip.writeUInt16BE(checksum(ip), 10)
    const udp = Buffer.alloc(8)
    udp.writeUInt16BE(ipmi, 0)
    udp.writeUInt16BE(asker.port, 2)
    udp.writeUInt16BE(8 + text.length, 4)
    const kind = Buffer.from([0, 17])
    // Zero would say that there is none.
    const sum = checksum(ip.subarray(12, 20), kind, udp.subarray(4, 6), udp, text) || 0xffff
    udp.writeUInt16BE(sum, 6)
    this.#forward(framed(asker.mac, this.#mac, Buffer.from([8, 0]), ip, udp, text))
  }

  /** @param {(talk: Talk, name: string) => boolean} which */
  #forget(which) {
    for (const [name, talk] of this.#talks) {
      if (!which(talk, name)) continue
      this.#talks.delete(name)
      try {
        talk.socket.close()
      } catch {
        // It has closed already.
      }
    }
  }
}
