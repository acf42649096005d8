import { createHmac, randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { fingerprint, judge, lookUp, preferKnown } from '../../lib/ssh/login/known-hosts.ts'
import { newKey, publicKeyOf } from './server.ts'

const folder = mkdtempSync(join(tmpdir(), 'tandem-known-'))
afterAll(() => rmSync(folder, { recursive: true }))

const line = publicKeyOf(newKey().private)
const key = Buffer.from(line.split(' ')[1] as string, 'base64')
const otherLine = publicKeyOf(newKey().private)

function hashOf(name: string): string {
  const salt = randomBytes(20)
  const hash = createHmac('sha1', salt).update(name).digest('base64')
  return `|1|${salt.toString('base64')}|${hash}`
}

function verdict(text: string, address = 'm1.example', port = 22) {
  const file = join(folder, 'known_hosts')
  writeFileSync(file, text)
  return judge(lookUp([join(folder, 'missing'), file], address, port), key)
}

test.each([
  ['a plain name', `m1.example ${line}`, 22],
  ['a list of names', `other,m1.example,192.0.2.1 ${line} comment`, 22],
  ['a wildcard', `*.example ${line}`, 22],
  ['a name in capitals', `M1.Example ${line}`, 22],
  ['a hashed name', `${hashOf('m1.example')} ${line}`, 22],
  ['a name with its port', `[m1.example]:2201 ${line}`, 2201],
  ['a hashed name with its port', `${hashOf('[m1.example]:2201')} ${line}`, 2201],
  ['a name without the port, as ssh does', `m1.example ${line}`, 2201],
  ['a second line', `m1.example ${otherLine}\nm1.example ${line}`, 22],
])('knows the key by %s', (_what, text, port) => {
  expect(verdict(`# comment\n\n${text}\n`, 'm1.example', port)).toBe('known')
})

test.each([
  ['no line', ''],
  ['another name', `m2.example ${line}`],
  ['a name it excludes', `*.example,!m1.example ${line}`],
  ['a dot that is no wildcard', `m1xexample ${line}`],
  ['a certificate authority', `@cert-authority *.example ${line}`],
])('does not know the key by %s', (_what, text) => {
  expect(verdict(text)).toBe('unknown')
})

test.each(['::1', '0:0:0:0:0:0:0:1', '0:0::0:1'])(
  'knows %s by the form that ssh writes',
  (address) => {
    expect(verdict(`::1 ${line}\n`, address)).toBe('known')
    expect(verdict(`[::1]:2201 ${line}\n`, address, 2201)).toBe('known')
  },
)

test('says that a key has changed where another one is listed', () => {
  expect(verdict(`m1.example ${otherLine}`)).toBe('changed')
})

test('takes a machine behind another port for a new one, not for a changed one', () => {
  expect(verdict(`m1.example ${otherLine}`, 'm1.example', 2201)).toBe('unknown')
})

test('refuses a revoked key even where it is listed as good', () => {
  expect(verdict(`m1.example ${line}\n@revoked * ${line}`)).toBe('revoked')
})

test('offers the algorithms of known keys first', () => {
  const file = join(folder, 'rsa')
  writeFileSync(file, `m1.example ssh-rsa AAAAB3NzaC1yc2E=\n`)
  const preferred = preferKnown(lookUp([file], 'm1.example', 22))
  expect(preferred.slice(0, 4)).toEqual(['rsa-sha2-512', 'rsa-sha2-256', 'ssh-rsa', 'ssh-ed25519'])
})

test('shows a key as ssh-keygen does', () => {
  expect(fingerprint(key)).toMatch(/^ssh-ed25519 SHA256:[\w+/]{43}$/)
})
