// The lab's switch: one process that moves frames between the machines' cards and their BMCs, and
// never goes off.
// QEMU's own hub waits for the slowest: a guest whose card is down keeps all others from talking.
import { rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { BmcPort } from './bmc-port.mjs'

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

/** What a segment hands frames to. @typedef {Port | BmcPort} End */

/** Ports that hear each other, and behind which of them each address was seen. */
class Segment {
  /** @type {End[]} */
  #ports = []
  /** @type {Map<string, End>} */
  #seen = new Map()

  add() {
    const port = new Port()
    this.#ports.push(port)
    return port
  }

  /** @param {string} address @param {string} mac */
  addBmc(address, mac) {
    const port = new BmcPort(address, mac, (frame) => this.#forward(port, frame))
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

  /** Forwards the whole frames of `bytes`; gives back the piece of one that is left. @param {End} from @param {Buffer} bytes */
  #forward(from, bytes) {
    let at = 0
    // Frames to the same ports go on in one write.
    let begun = 0
    let to = ''
    /** @type {readonly End[]} */
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

/** Serves a socket; what an earlier switch left behind in its place is taken away. @param {string} path @param {(socket: import('node:net').Socket) => void} serve */
async function listen(path, serve) {
  rmSync(path, { force: true })
  const server = createServer({ highWaterMark: 256 << 10 }, serve)
  await new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(path, () => resolve(undefined))
  })
}

/** @type {Map<string, Segment>} */
const segments = new Map()
/** @type {Map<string, BmcPort>} */
const bmcs = new Map()

/** @param {string} name */
function segmentOf(name) {
  const segment = segments.get(name) ?? new Segment()
  segments.set(name, segment)
  return segment
}

/** A line of JSON says of each BMC where its process listens and whether it is cut; `ok` answers. @param {import('node:net').Socket} socket */
function obey(socket) {
  let text = ''
  socket.on('error', () => {})
  socket.setEncoding('utf8').on('data', (piece) => {
    text += piece
    if (!text.endsWith('\n')) return
    try {
      for (const [name, told] of Object.entries(JSON.parse(text))) bmcs.get(name)?.tell(told)
      socket.end('ok\n')
    } catch (error) {
      // Whatever was said, the cables must stay.
      socket.end(`${error}\n`)
    }
  })
}

/** @type {Record<string, string>} */
const options = {}
for (let at = 2; at < process.argv.length; at++) {
  const word = process.argv[at] ?? ''
  if (word === '-pidfile' || word === '-control') options[word] = process.argv[++at] ?? ''
  else if (word === '-bmc') {
    const [segment = '', name = '', address = '', mac = ''] = (process.argv[++at] ?? '').split(
      /[=,]/,
    )
    bmcs.set(name, segmentOf(segment).addBmc(address, mac))
  } else {
    const [name = '', path = ''] = word.split(/=(.*)/s)
    const segment = segmentOf(name)
    const port = segment.add()
    await listen(path, (socket) => segment.plug(port, socket))
  }
}
const { '-pidfile': pidFile, '-control': control } = options
if (!pidFile) throw new Error('Expected -pidfile FILE [-control FILE] SEGMENT=SOCKET…')
if (control) await listen(control, obey)
writeFileSync(pidFile, `${process.pid}\n`)
process.send?.('ready')
