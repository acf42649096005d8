import { expect, test } from 'vitest'
import { Frames, type Mark } from '../../lib/ssh/frames.ts'
import { Utf8Cutter } from '../../lib/ssh/utf8.ts'

function parse(text: Buffer, size: number) {
  const data: Buffer[] = []
  const marks: Mark[] = []
  const frames = new Frames(
    'NONCE',
    (chunk) => data.push(Buffer.from(chunk)),
    (mark) => marks.push(mark),
  )
  for (let i = 0; i < text.length; i += size) frames.push(text.subarray(i, i + size))
  frames.flush()
  return { data: Buffer.concat(data), marks }
}

const sizes = [1, 2, 3, 7, 64, 10_000]

test.each(sizes)('parts marks from data in chunks of %i bytes', (size) => {
  const text = Buffer.from('no line feedNONCE:P:7:4711\nNONCE:E:7:0\nrest NON', 'latin1')
  const { data, marks } = parse(text, size)
  expect(data.toString()).toBe('no line feedrest NON')
  expect(marks).toEqual([
    { kind: 'P', id: 7, value: 4711 },
    { kind: 'E', id: 7, value: 0 },
  ])
})

test.each(sizes)('takes a nonce that is no mark for output in chunks of %i bytes', (size) => {
  const text = Buffer.from(`x='NONCE'\nNONCE:E:x:0\nNONCE${'y'.repeat(100)}NONCENONCE:E:1:2\n`)
  const { data, marks } = parse(text, size)
  expect(data.toString()).toBe(`x='NONCE'\nNONCE:E:x:0\nNONCE${'y'.repeat(100)}NONCE`)
  expect(marks).toEqual([{ kind: 'E', id: 1, value: 2 }])
})

test.each(sizes)('cuts no UTF-8 character in chunks of %i bytes', (size) => {
  const text = Buffer.from('aä€😀'.repeat(50))
  const cutter = new Utf8Cutter()
  const pieces: string[] = []
  for (let i = 0; i < text.length; i += size) {
    pieces.push(cutter.push(text.subarray(i, i + size)).toString())
  }
  expect(pieces.join('') + cutter.end().toString()).toBe(text.toString())
})

test('changes no byte of what is not UTF-8', () => {
  const bytes = Buffer.from([0xff, 0xc3, 0x28, 0x80, 0x80, 0x80, 0x80, 0xf0])
  const cutter = new Utf8Cutter()
  const out = [...bytes].map((byte) => Buffer.from(cutter.push(Buffer.from([byte]))))
  expect(Buffer.concat([...out, cutter.end()])).toEqual(bytes)
})
