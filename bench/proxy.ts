import { once } from 'node:events'
import net from 'node:net'
import { addressOf, numbers, ports } from './places.ts'

/** How deep the exchange with one host went: the longest chain of message, answer, next message. */
interface Depth {
  /** Of what the client has heard. */
  heard: number
  /** Of what the host has been sent. */
  sent: number
}

/** Carries TCP to each host and back as over a line of that round trip time, and counts round trips. */
export class DelayProxy {
  readonly #servers: net.Server[] = []
  readonly #sockets = new Set<net.Socket>()
  readonly #depths = new Map<number, Depth>()
  readonly #port: number

  private constructor(port: number) {
    this.#port = port
  }

  /** Listens for hosts 1 to `count` on one port, and carries to the other. */
  static async open(count: number, rttMs: number, at = ports): Promise<DelayProxy> {
    const proxy = new DelayProxy(at.direct)
    for (const host of numbers(count)) {
      const server = net.createServer({ allowHalfOpen: true, noDelay: true }, (client) =>
        proxy.#carry(host, client, rttMs),
      )
      proxy.#servers.push(server)
      server.listen(at.delayed, addressOf(host))
      await once(server, 'listening')
    }
    return proxy
  }

  /** Round trips per host since this was last asked, as the wire saw them: TCP's and SSH's own too. */
  take(): number[] {
    const trips = [...this.#depths.values()].map(({ heard }) => heard)
    this.#depths.clear()
    return trips
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy()
    await Promise.all(
      this.#servers.map((server) => new Promise((resolve) => server.close(resolve))),
    )
  }

  #carry(host: number, client: net.Socket, rttMs: number): void {
    const depth = this.#depths.get(host) ?? { heard: 0, sent: 0 }
    this.#depths.set(host, depth)
    // TCP's handshake, which loopback gave the client at once.
    const greeting = ++depth.heard + 1
    const half = rttMs / 2
    const linked = performance.now() + 3 * half
    const server = new net.Socket({ allowHalfOpen: true })
    this.#sockets.add(client).add(server)
    const up = new Line(server, half, linked)
    const down = new Line(client, half, 0)
    // First in its line: a socket takes nothing before it connects.
    up.push(() => {
      depth.sent = Math.max(depth.sent, greeting)
      server.connect({ host: addressOf(host), port: this.#port, noDelay: true })
    })
    client.on('data', (data) => {
      const trip = depth.heard + 1
      up.push(() => {
        depth.sent = Math.max(depth.sent, trip)
        server.write(data)
      })
    })
    server.on('data', (data) => {
      const trip = depth.sent
      down.push(() => {
        depth.heard = Math.max(depth.heard, trip)
        client.write(data)
      })
    })
    client.on('end', () => up.push(() => server.end()))
    server.on('end', () => down.push(() => client.end()))
    for (const [socket, line] of [
      [client, up],
      [server, down],
    ] as const) {
      socket.on('error', () => {})
      socket.on('close', () => {
        this.#sockets.delete(socket)
        line.push(() => line.to.destroySoon())
      })
    }
  }
}

/** One direction: what goes in comes out `delayMs` later, in order, and not before `from`. */
class Line {
  readonly to: net.Socket
  readonly #delayMs: number
  readonly #from: number
  readonly #waiting: { readonly at: number; readonly deliver: () => void }[] = []

  constructor(to: net.Socket, delayMs: number, from: number) {
    this.to = to
    this.#delayMs = delayMs
    this.#from = from
  }

  push(deliver: () => void): void {
    const at = Math.max(performance.now() + this.#delayMs, this.#from)
    this.#waiting.push({ at, deliver })
    if (this.#waiting.length === 1) this.#next()
  }

  #next(): void {
    const [first] = this.#waiting
    if (!first) return
    setTimeout(() => {
      const now = performance.now()
      while (this.#waiting[0] && this.#waiting[0].at <= now + 0.5) this.#waiting.shift()?.deliver()
      this.#next()
    }, first.at - performance.now())
  }
}
