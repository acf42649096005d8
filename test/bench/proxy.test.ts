import { once } from 'node:events'
import net, { type AddressInfo } from 'node:net'
import { afterEach, expect, test } from 'vitest'
import { DelayProxy } from '../../bench/proxy.ts'

const rttMs = 30
const ends: (() => unknown)[] = []
afterEach(() => Promise.all(ends.splice(0).map((end) => end())))

/** A port that was free a moment ago. */
async function freePort(): Promise<number> {
  const server = net.createServer().listen(0, '127.0.10.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
}

async function throughProxy() {
  const echo = net.createServer((socket) => socket.pipe(socket)).listen(0, '127.0.10.1')
  ends.push(() => echo.close())
  await once(echo, 'listening')
  const delayed = await freePort()
  const { port: direct } = echo.address() as AddressInfo
  const proxy = await DelayProxy.open(1, rttMs, { direct, delayed })
  ends.push(() => proxy.close())
  const client = net.connect(delayed, '127.0.10.1')
  ends.push(() => client.destroy())
  return { proxy, client }
}

/** Waits until so many bytes have come. */
async function heard(client: net.Socket, bytes: number): Promise<void> {
  for (let got = 0; got < bytes; ) got += ((await once(client, 'data'))[0] as Buffer).length
}

test('counts each question that waits for the answer before it, and takes its time', async () => {
  const { proxy, client } = await throughProxy()
  const began = performance.now()
  for (const word of ['a', 'b', 'c']) {
    client.write(word)
    await heard(client, 1)
  }
  // TCP's handshake is the fourth.
  expect(proxy.take()).toEqual([4])
  expect(performance.now() - began).toBeGreaterThan(4 * rttMs - 5)
})

test('questions asked together share one', async () => {
  const { proxy, client } = await throughProxy()
  for (const word of ['a', 'b', 'c']) client.write(word)
  await heard(client, 3)
  expect(proxy.take()).toEqual([2])
  client.write('d')
  await heard(client, 1)
})
