import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import {
  debianSources,
  oneLine,
  parseDeb822,
  parseList,
  readSources,
} from '../../lib/lab/image/sources.ts'

const deb822 = `Types: deb deb-src
# a comment
URIs: http://mirror.invalid/debian
Suites: bookworm bookworm-updates
Components: main contrib
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg

Types: deb
URIs: http://mirror.invalid/debian-security
Suites: bookworm-security
Components: main

Enabled: no
Types: deb
URIs: http://mirror.invalid/debian
Suites: bookworm-backports
Components: main
`

test('reads every suite of a deb822 file and skips disabled stanzas', () => {
  const sources = parseDeb822(deb822)
  expect(sources.map((source) => `${source.uri} ${source.suite}`)).toEqual([
    'http://mirror.invalid/debian bookworm',
    'http://mirror.invalid/debian bookworm-updates',
    'http://mirror.invalid/debian-security bookworm-security',
  ])
  expect(sources[0]?.options).toEqual({
    'signed-by': '/usr/share/keyrings/debian-archive-keyring.gpg',
  })
})

test('reads the one-line style and skips deb-src, comments and unrelated options', () => {
  const text = `# deb http://off.invalid/debian bookworm main
deb [arch=amd64 signed-by=/k.gpg trusted=yes] http://a.invalid/debian bookworm main contrib # note
deb-src http://a.invalid/debian bookworm main
`
  expect(parseList(text)).toEqual([
    {
      uri: 'http://a.invalid/debian',
      suite: 'bookworm',
      components: ['main', 'contrib'],
      options: { 'signed-by': '/k.gpg', trusted: 'yes' },
    },
  ])
})

test('keeps only what Debian itself publishes, and only main', () => {
  const all = [
    ...parseDeb822(deb822),
    ...parseList(`deb http://other.invalid/linux/debian bookworm stable
deb http://php.invalid/php bookworm main
deb http://cloud.invalid/apt cloud-sdk-bookworm main`),
  ]
  const chosen = debianSources(all).map((source) => oneLine(source, () => 'none'))
  const key = '[signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] '
  expect(chosen).toEqual([
    `deb ${key}http://mirror.invalid/debian bookworm main`,
    `deb ${key}http://mirror.invalid/debian bookworm-updates main`,
    'deb http://mirror.invalid/debian-security bookworm-security main',
  ])
})

test('puts the lab release in the place of another one, security suites included', () => {
  const all = parseList(`deb http://a.invalid/debian trixie main
deb http://a.invalid/debian trixie-updates main
deb http://a.invalid/debian-security trixie-security main
deb http://a.invalid/debian-security buster/updates main`)
  expect(debianSources(all).map((source) => source.suite)).toEqual([
    'bookworm',
    'bookworm-updates',
    'bookworm-security',
  ])
})

test('takes a private mirror whose path does not name Debian when there is nothing better', () => {
  const all = parseList('deb http://mirror.invalid/os bookworm main')
  expect(debianSources(all)).toHaveLength(1)
})

test.each([
  ['no source at all', ''],
  ['noble', 'deb http://a.invalid/ubuntu noble main'],
])('says what it got where no Debian source is found: %s', (got, text) => {
  expect(() => debianSources(parseList(text))).toThrow(got)
})

test('stores an inline key in a file', () => {
  const [source] = parseDeb822(`Types: deb
URIs: http://a.invalid/debian
Suites: bookworm
Components: main
Signed-By:
 -----BEGIN PGP PUBLIC KEY BLOCK-----
 .
 abc
 -----END PGP PUBLIC KEY BLOCK-----
`)
  if (!source) throw new Error('no source')
  expect(oneLine(source, () => '/key.asc')).toBe(
    'deb [signed-by=/key.asc] http://a.invalid/debian bookworm main',
  )
})

test('reads all files of a folder and a missing folder as empty', () => {
  const apt = mkdtempSync(join(tmpdir(), 'tandem-apt-'))
  try {
    mkdirSync(join(apt, 'sources.list.d'))
    writeFileSync(join(apt, 'sources.list'), 'deb http://a.invalid/debian bookworm main\n')
    writeFileSync(join(apt, 'sources.list.d', 'b.sources'), deb822)
    writeFileSync(join(apt, 'sources.list.d', 'c.list.disabled'), 'deb http://c.invalid x main\n')
    expect(readSources(apt)).toHaveLength(4)
    expect(readSources(join(apt, 'nothing'))).toEqual([])
  } finally {
    rmSync(apt, { recursive: true })
  }
})
