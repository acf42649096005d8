import { type ChildProcess, spawn } from 'node:child_process'
import { createSocket, type Socket as Datagrams, type RemoteInfo } from 'node:dgram'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { text } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeEach, expect, test } from 'vitest'

const program = resolve(import.meta.dirname, '../../lib/lab/processes/switch.mjs')
const bmc = { ip: 'ac10c86e', mac: '5254007a01bc' }
const guest = { ip: 'ac10c8d3', mac: '5254007a0204' }
const everyone = 'ffffffffffff'

let folder: string
let child: ChildProcess
let card: Socket
let got: Buffer[]
/** Stands in for ipmi_sim: what it was sent, and from where. */
let process_: Datagrams
let asked: { text: string; from: RemoteInfo }[]

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'tandem-bmc-'))
  const words = ['-pidfile', `${folder}/pid`, '-control', `${folder}/control`]
  const ends = ['-bmc', 'em4=bmc-M1,172.16.200.110,52:54:00:7a:01:bc', `em4=${folder}/card`]
  child = spawn(process.execPath, [program, ...words, ...ends], {
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  })
  await once(child, 'message')
  process_ = createSocket('udp4')
  asked = []
  process_.on('message', (message, from) => asked.push({ text: message.toString('latin1'), from }))
  process_.bind(0, '127.0.0.1')
  await once(process_, 'listening')
  await tell({ 'bmc-M1': { port: process_.address().port, cut: false } })
  card = connect(join(folder, 'card'))
  await once(card, 'connect')
  got = []
  let bytes = Buffer.alloc(0)
  card.on('data', (piece) => {
    bytes = Buffer.concat([bytes, piece])
    while (bytes.length >= 4 && bytes.length >= 4 + bytes.readUInt32BE(0)) {
      const end = 4 + bytes.readUInt32BE(0)
      got.push(bytes.subarray(4, end))
      bytes = bytes.subarray(end)
    }
  })
})
afterEach(async () => {
  card.destroy()
  process_.close()
  child.kill()
  await once(child, 'exit')
  rmSync(folder, { recursive: true })
})

async function tell(told: object) {
  const socket = connect(join(folder, 'control'))
  socket.write(`${JSON.stringify(told)}\n`)
  expect(await text(socket)).toBe('ok\n')
}

async function until(true_: () => boolean) {
  while (!true_()) await sleep(5)
}

function say(hex: string) {
  const body = Buffer.from(hex, 'hex')
  const head = Buffer.alloc(4)
  head.writeUInt32BE(body.length)
  card.write(Buffer.concat([head, body]))
}

const whoHas = (ip: string) =>
  say(`${everyone}${guest.mac}08060001080006040001${guest.mac}${guest.ip}000000000000${ip}`)

const two = (value: number) => value.toString(16).padStart(4, '0')

/** A datagram of the guest; the switch does not look at the checksums of what the kernel sent. */
function datagram(port: number, message: string, more: { to?: number; fragment?: string } = {}) {
  const hex = Buffer.from(message).toString('hex')
  const udp = `${two(port)}${two(more.to ?? 623)}${two(8 + message.length)}0000${hex}`
  const ip = `4500${two(28 + message.length)}1234${more.fragment ?? '4000'}40110000${guest.ip}${bmc.ip}`
  say(`${bmc.mac}${guest.mac}0800${ip}${udp}`)
}

/** All 16-bit words added as RFC 1071 says: 0xffff where the checksum among them is right. */
function sum(hex: string): number {
  const words = hex.match(/.{4}/g) ?? []
  const total = words.reduce((all, word) => all + Number.parseInt(word, 16), 0)
  return (total % 0xffff) + (total > 0 && total % 0xffff === 0 ? 0xffff : 0)
}

test('answers ARP for its own address and no other', async () => {
  whoHas('ac10c86f')
  whoHas(bmc.ip)
  await until(() => got.length > 0)
  const answer = `${guest.mac}${bmc.mac}08060001080006040002${bmc.mac}${bmc.ip}${guest.mac}${guest.ip}`
  expect(got.map((frame) => frame.toString('hex'))).toEqual([answer.padEnd(120, '0')])
})

test.each(['even', 'uneven!'])(
  'passes IPMI to its process and the answer "%s" back with right checksums',
  async (answer) => {
    datagram(40_000, 'status?')
    await until(() => asked.length === 1)
    expect(asked[0]).toMatchObject({ text: 'status?', from: { address: '127.0.0.1' } })
    process_.send(answer, asked[0]?.from.port, '127.0.0.1')
    await until(() => got.length === 1)
    const frame = got[0]?.toString('hex') ?? ''
    const length = 28 + answer.length
    expect(frame.slice(0, 28)).toBe(`${guest.mac}${bmc.mac}0800`)
    const [ip, udp] = [frame.slice(28, 68), frame.slice(68, 28 + 2 * length)]
    expect(ip.slice(0, 8)).toBe(`4500${two(length)}`)
    expect(ip.slice(24)).toBe(`${bmc.ip}${guest.ip}`)
    expect(sum(ip)).toBe(0xffff)
    expect(udp.slice(0, 12)).toBe(`026f${two(40_000)}${two(length - 20)}`)
    expect(sum(`${bmc.ip}${guest.ip}0011${two(length - 20)}${udp.padEnd(4 * length, '0')}`)).toBe(
      0xffff,
    )
    expect(Buffer.from(udp.slice(16), 'hex').toString()).toBe(answer)
  },
)

test('keeps askers apart, and an asker at one port', async () => {
  for (const port of [40_000, 40_001, 40_000]) datagram(port, String(port))
  await until(() => asked.length === 3)
  // Different sockets, so in any order.
  asked.sort((a, b) => (a.text === '40001' ? 1 : b.text === '40001' ? -1 : 0))
  const [one, again, other] = asked.map(({ from }) => from.port)
  expect(one).not.toBe(other)
  expect(again).toBe(one)
  process_.send('to the other', other, '127.0.0.1')
  await until(() => got.length === 1)
  expect(got[0]?.readUInt16BE(36)).toBe(40_001)
})

test('drops what is not IPMI, and pieces of datagrams', async () => {
  datagram(40_000, 'web', { to: 80 })
  datagram(40_000, 'piece', { fragment: '2000' })
  say(`${bmc.mac}${guest.mac}0800`)
  say(`${bmc.mac}${guest.mac}080045ff`.padEnd(120, 'f'))
  datagram(40_000, 'whole')
  await until(() => asked.length > 0)
  expect(asked.map((one) => one.text)).toEqual(['whole'])
})

test('that is cut off says nothing to anybody until it is healed', async () => {
  const { port } = process_.address()
  datagram(40_000, 'before')
  await until(() => asked.length === 1)
  await tell({ 'bmc-M1': { port, cut: true } })
  process_.send('late', asked[0]?.from.port, '127.0.0.1')
  whoHas(bmc.ip)
  datagram(40_000, 'cut')
  await sleep(50)
  await tell({ 'bmc-M1': { port, cut: false } })
  datagram(40_000, 'after')
  await until(() => asked.length === 2)
  expect(asked[1]?.text).toBe('after')
  expect(got).toEqual([])
})

test('goes on after its process was away', async () => {
  await tell({ 'bmc-M1': { port: 1 } })
  datagram(40_000, 'to nobody')
  await sleep(50)
  await tell({ 'bmc-M1': { port: process_.address().port } })
  datagram(40_000, 'to somebody')
  await until(() => asked.length === 1)
  expect(asked[0]?.text).toBe('to somebody')
})

test('survives a word it does not understand', async () => {
  const socket = connect(join(folder, 'control'))
  socket.write('cut it\n')
  expect(await text(socket)).toMatch(/^SyntaxError/)
  whoHas(bmc.ip)
  await until(() => got.length === 1)
})
