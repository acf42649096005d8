// The lab's switch: one process that moves frames between the machines' cards, and never goes off.
// QEMU's own hub waits for the slowest: a guest whose card is down keeps all others from talking.
import { rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'

/** As many bytes as may wait for a card; more than TCP keeps under way between two machines. */
const mostWaiting = 8 << 20
/** How long a card may take nothing, in milliseconds, before what waits for it is dropped. */
const patienceMs = 500
/** Bytes of a frame's length, most significant first; then the frame (QEMU's netdev `stream`). */
const head = 4

/** One end of a cable: the machine that is plugged in, and what it has not taken yet. */
class Port {
  /** @type {import('node:net').Socket | undefined} */
  #socket
  /** @type {Buffer[]} */
  #waiting = []
  #bytes = 0
  #since = 0

  /** @param {import('node:net').Socket} socket */
  plug(socket) {
    this.#socket?.destroy()
    this.#socket = socket
    this.#forget()
    socket.on('drain', () => this.#drained(socket))
  }

  /** @param {import('node:net').Socket} socket */
  unplug(socket) {
    if (this.#socket !== socket) return false
    this.#socket = undefined
    this.#forget()
    return true
  }

  /** Whole frames; dropped where nobody takes them, as a switch does. @param {Buffer} frames */
  send(frames) {
    const socket = this.#socket
    if (!socket) return
    if (!socket.writableNeedDrain) {
      socket.write(frames)
      this.#since = Date.now()
      return
    }
    if (this.#bytes + frames.length > mostWaiting || Date.now() - this.#since > patienceMs) {
      this.#forget()
      return
    }
    this.#waiting.push(frames)
    this.#bytes += frames.length
  }

  /** @param {import('node:net').Socket} socket */
  #drained(socket) {
    if (this.#socket !== socket) return
    this.#since = Date.now()
    const waiting = this.#waiting
    this.#forget()
    if (waiting.length > 0) socket.write(Buffer.concat(waiting))
  }

  #forget() {
    this.#waiting = []
    this.#bytes = 0
  }
}

/** Ports that hear each other, and behind which of them each address was seen. */
class Segment {
  /** @type {Port[]} */
  #ports = []
  /** @type {Map<string, Port>} */
  #seen = new Map()

  add() {
    const port = new Port()
    this.#ports.push(port)
    return port
  }

  /** @param {Port} port @param {import('node:net').Socket} socket */
  plug(port, socket) {
    port.plug(socket)
    /** @type {Buffer} */
    let rest = Buffer.alloc(0)
    socket.on('data', (piece) => {
      rest = this.#forward(port, rest.length > 0 ? Buffer.concat([rest, piece]) : piece)
    })
    // A machine that goes off: its end says so, or breaks; either way it closes.
    socket.on('error', () => {})
    socket.on('close', () => {
      if (!port.unplug(socket)) return
      for (const [address, behind] of this.#seen) if (behind === port) this.#seen.delete(address)
    })
  }

  /** Forwards the whole frames of `bytes`; gives back the piece of one that is left. @param {Port} from @param {Buffer} bytes */
  #forward(from, bytes) {
    let at = 0
    // Frames to the same ports go on in one write.
    let begun = 0
    let to = ''
    /** @type {readonly Port[]} */
    let ports = []
    while (bytes.length - at >= head) {
      const end = at + head + bytes.readUInt32BE(at)
      if (end > bytes.length) break
      const target = bytes.toString('latin1', at + head, at + head + 6)
      this.#seen.set(bytes.toString('latin1', at + head + 6, at + head + 12), from)
      if (target !== to) {
        for (const port of ports) port.send(bytes.subarray(begun, at))
        begun = at
        to = target
        ports = this.#behind(target).filter((port) => port !== from)
      }
      at = end
    }
    for (const port of ports) port.send(bytes.subarray(begun, at))
    return bytes.subarray(at)
  }

  /** All ports for an address that was not seen yet, such as the broadcast. @param {string} address */
  #behind(address) {
    const port = this.#seen.get(address)
    return port ? [port] : this.#ports
  }
}

/** @param {Segment} segment @param {string} path */
async function listen(segment, path) {
  const port = segment.add()
  // What an earlier switch left behind: nobody listens there.
  rmSync(path, { force: true })
  const server = createServer({ highWaterMark: 256 << 10 }, (socket) => segment.plug(port, socket))
  await new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(path, () => resolve(undefined))
  })
}

const [option, pidFile = '', ...ends] = process.argv.slice(2)
if (option !== '-pidfile') throw new Error(`Expected -pidfile FILE SEGMENT=SOCKET…, got ${option}`)
/** @type {Map<string, Segment>} */
const segments = new Map()
for (const end of ends) {
  const [name = '', path = ''] = end.split(/=(.*)/s)
  const segment = segments.get(name) ?? new Segment()
  segments.set(name, segment)
  await listen(segment, path)
}
writeFileSync(pidFile, `${process.pid}\n`)
process.send?.('ready')
