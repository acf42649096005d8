import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeEach, expect, test } from 'vitest'

const program = resolve(import.meta.dirname, '../../lib/lab/processes/switch.mjs')
const everyone = 'ff:ff:ff:ff:ff:ff'
const address = { a: '02:00:00:00:00:0a', b: '02:00:00:00:00:0b', c: '02:00:00:00:00:0c' }
type Name = keyof typeof address

let folder: string
let child: ChildProcess
let sockets: Socket[]
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'tandem-switch-'))
  sockets = []
  const ends = ['a', 'b', 'c'].map((name) => `em1=${folder}/${name}`)
  child = spawn(
    process.execPath,
    [program, '-pidfile', `${folder}/pid`, ...ends, `em2=${folder}/d`],
    {
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    },
  )
  await once(child, 'message')
})
afterEach(async () => {
  for (const socket of sockets) socket.destroy()
  child.kill()
  await once(child, 'exit')
  rmSync(folder, { recursive: true })
})

/** A machine's card: what it got so far, as text. */
async function plug(name: string) {
  const socket = connect(join(folder, name))
  sockets.push(socket)
  await once(socket, 'connect')
  const got: string[] = []
  let bytes = Buffer.alloc(0)
  const read = () =>
    socket.on('data', (piece) => {
      bytes = Buffer.concat([bytes, piece])
      while (bytes.length >= 4 && bytes.length >= 4 + bytes.readUInt32BE(0)) {
        const end = 4 + bytes.readUInt32BE(0)
        got.push(bytes.toString('latin1', 16, end))
        bytes = bytes.subarray(end)
      }
    })
  return { socket, got, read }
}

function frame(to: string, from: string, text: string): Buffer {
  const bytes = (colons: string) => Buffer.from(colons.replaceAll(':', ''), 'hex')
  const body = Buffer.concat([bytes(to), bytes(from), Buffer.from(text, 'latin1')])
  const head = Buffer.alloc(4)
  head.writeUInt32BE(body.length)
  return Buffer.concat([head, body])
}

const say = (from: Name, to: Name | 'all', text: string) =>
  frame(to === 'all' ? everyone : address[to], address[from], text)

async function until(true_: () => boolean) {
  while (!true_()) await sleep(5)
}

test('gives a broadcast to all others of the segment and a known address its own frames', async () => {
  const [a, b, c, d] = await Promise.all(['a', 'b', 'c', 'd'].map(plug))
  if (!a || !b || !c || !d) throw new Error('expected four cards')
  for (const card of [a, b, c, d]) card.read()
  b.socket.write(say('b', 'all', 'I am b'))
  await until(() => a.got.length > 0 && c.got.length > 0)
  a.socket.write(
    Buffer.concat([say('a', 'b', 'one'), say('a', 'b', 'two'), say('a', 'all', 'end')]),
  )
  await until(() => b.got.length === 3 && c.got.length === 2)
  expect([a.got, b.got, c.got, d.got]).toEqual([
    ['I am b'],
    ['one', 'two', 'end'],
    ['I am b', 'end'],
    [],
  ])
  expect(readFileSync(join(folder, 'pid'), 'utf8')).toBe(`${child.pid}\n`)
})

test('puts frames together that come in pieces', async () => {
  const [a, b] = [await plug('a'), await plug('b')]
  b.read()
  const bytes = Buffer.concat([say('a', 'all', 'x'.repeat(1500)), say('a', 'all', 'y')])
  for (const at of [0, 2, 9, 700]) {
    a.socket.write(bytes.subarray(at, { 0: 2, 2: 9, 9: 700 }[at] ?? bytes.length))
    await sleep(5)
  }
  await until(() => b.got.length === 2)
  expect(b.got).toEqual(['x'.repeat(1500), 'y'])
})

test('a card that takes nothing keeps no other waiting, and later gets whole frames again', async () => {
  const [a, b, c] = [await plug('a'), await plug('b'), await plug('c')]
  b.read()
  // All to everyone: also to c, which does not read. More than all that may wait for it.
  const frames = 40_000
  const one = 'z'.repeat(1400)
  for (let sent = 0; sent < frames; sent++) {
    a.socket.write(say('a', 'all', one))
    // b is read by this very process, and must not be the one that does not read.
    while (sent - b.got.length > 500) await sleep(1)
  }
  await until(() => b.got.length === frames)
  c.read()
  // What had waited comes first; it is whole, or it is not there.
  await until(() => c.got.length > 0)
  await sleep(100)
  const before = c.got.length
  expect(before).toBeLessThan(frames)
  a.socket.write(say('a', 'all', 'last'))
  await until(() => c.got.length > before)
  expect(new Set(c.got)).toEqual(new Set([one, 'last']))
})

test('a machine that comes back takes the place of the one that was', async () => {
  const [a, before] = [await plug('a'), await plug('b')]
  a.read()
  before.socket.write(say('b', 'all', 'before'))
  await until(() => a.got.length === 1)
  const after = await plug('b')
  after.read()
  await once(before.socket.resume(), 'close')
  a.socket.write(say('a', 'b', 'to b'))
  await until(() => after.got.length === 1)
  expect(after.got).toEqual(['to b'])
})
