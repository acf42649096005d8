import { afterEach, expect, test } from 'vitest'
import { brief } from '../../lib/core/quote.ts'
import { masked, provideSecrets } from '../../lib/core/secret.ts'

const value = "s3cret+/with 'quotes' & more"
afterEach(() => provideSecrets((name) => name))

const base64 = (text: string) => Buffer.from(text).toString('base64')

test.each([
  ['itself', value],
  ['in JSON', JSON.stringify({ key: value })],
  ['in a URL', `https://x/?token=${encodeURIComponent(value)}`],
  ['in hexadecimal', Buffer.from(value).toString('hex')],
  ['in Base64', base64(value)],
  ...['a', 'ab', 'abc', 'admin:'].flatMap((before) =>
    ['', '\n', 'more', ':x'].map((after) => [
      `in Base64 between ${JSON.stringify(before)} and ${JSON.stringify(after)}`,
      base64(before + value + after),
    ]),
  ),
  ['in Base64 for URLs', Buffer.from(`user:${value}`).toString('base64url')],
  ['as a word of a shell', `curl -u '${value.replaceAll("'", `'\\''`)}'`],
])('a secret is masked %s', (_, text) => {
  provideSecrets(() => value, [value])
  const said = masked(text as string)
  expect(said).toContain('********')
  // No run of six characters of any of its forms is left.
  for (const form of [
    value,
    Buffer.from(value).toString('hex'),
    base64(value),
    base64(`a${value}`),
    base64(`ab${value}`),
  ]) {
    for (let at = 4; at + 8 <= form.length - 4; at++)
      expect(said).not.toContain(form.slice(at, at + 8))
  }
})

test('a command is masked before it is cut', () => {
  const long = '0123456789abcdef0123456789abcdef'
  provideSecrets(() => long, [long])
  for (let before = 120; before < 165; before++) {
    expect(brief(`${'x'.repeat(before)} ${long} y`)).not.toMatch(/0123/)
  }
})
