import { describe, expect, it } from 'vitest'
import { harmless, harmlessJson } from '../../lib/report/colour.ts'

// What a host, or root of a client through a file's name, can put into a message.
const nasty = [
  ['\x1b]0;owned\x07', '\\x1b]0;owned\\x07'],
  ['\x1b[2J\x1b[1;1H', '\\x1b[2J\\x1b[1;1H'],
  ['\u009b31m', '\\x9b31m'],
  ['a\rb', 'ab'],
  ['back\b\b', 'back\\x08\\x08'],
  ['rm \u202egnp.x\u202c', 'rm \\u202egnp.x\\u202c'],
  ['\u2066hidden\u2069', '\\u2066hidden\\u2069'],
  ['two\u2028lines', 'two\\u2028lines'],
] as const

describe('text from hosts', () => {
  it.each(nasty)('%j does not steer the terminal', (text, shown) => {
    expect(harmless(text)).toBe(shown)
  })

  it.each(['Grüße, 日本, שלום', 'a\tb\nc'])('%j is left alone', (text) => {
    expect(harmless(text)).toBe(text)
  })

  it.each(nasty)('%j is the same value in JSON, without a character that steers', (text) => {
    const line = harmlessJson({ text, more: 'Grüße' })
    expect(JSON.parse(line)).toEqual({ text, more: 'Grüße' })
    expect(line).toMatch(/^[\x20-\x7eüß]+$/)
  })
})
