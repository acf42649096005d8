import { execFileSync } from 'node:child_process'
import {
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { userInfo } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import {
  type Connection,
  connect,
  openSession,
  quickWrite,
  type Session,
  writeFile,
} from '../../lib/ssh/index.ts'
import { startServer, type TestServer } from './server.ts'
import { shells } from './shells.ts'

vi.setConfig({ testTimeout: 20_000 })
const { username, gid } = userInfo()
const ways = shells().flatMap((shell) => [
  { ...shell, way: 'on a channel of its own' },
  { ...shell, way: 'in the session' },
])

describe.each(ways)('a file written by $name $way', ({ path: shell, way }) => {
  let server: TestServer
  let c: Connection
  let session: Session
  const own = { mode: 0o640, owner: username, group: String(gid) }
  const quick = way === 'in the session'

  const write = (path: string, content: string, o: typeof own): Promise<void> => {
    if (!quick) return writeFile(c, path, content, o)
    const written = quickWrite(session, 'M1', path, content, o)
    if (!written) throw new Error('Expected a text that the session takes')
    return written
  }

  beforeAll(async () => {
    server = await startServer({ shell, binSh: shell })
    c = await connect(server.options())
    session = await openSession(c, { timeoutMs: 20_000 })
  })
  afterAll(async () => {
    await session.close()
    await c.close()
    await server.close()
  })

  function folder(name: string): string {
    const path = join(server.root, name)
    mkdirSync(path)
    return path
  }

  test('has exactly the content, the mode, and nothing beside it', async () => {
    const path = join(folder("it's new"), 'a $file')
    const content = Buffer.from(Array.from({ length: 100_001 }, (_, i) => (i * 7) % 256))
    await writeFile(c, path, content, own)
    expect(readFileSync(path)).toEqual(content)
    expect(statSync(path).mode & 0o7777).toBe(0o640)
    expect(readdirSync(join(path, '..'))).toEqual(['a $file'])
  })

  test.each(['', 'x', 'ünï\n', '-n %s \\n $HOME `id` \'"\n\n', 'x'.repeat(60_000)])(
    'can contain %j',
    async (content) => {
      const path = join(server.root, 'small')
      await write(path, content, own)
      expect(readFileSync(path, 'utf8')).toBe(content)
    },
  )

  test('replaces the old one in one step, not in place', async () => {
    const path = join(folder('replace'), 'f')
    writeFileSync(path, 'old', { mode: 0o600 })
    const before = statSync(path).ino
    await write(path, 'new', { ...own, mode: 0o4755 })
    expect(readFileSync(path, 'utf8')).toBe('new')
    expect(statSync(path).mode & 0o7777).toBe(0o4755)
    expect(statSync(path).ino).not.toBe(before)
  })

  test('takes the place of what a link leads to, and keeps the link', async () => {
    const place = folder('link')
    writeFileSync(join(place, 'real'), 'old')
    symlinkSync('real', join(place, 'link'))
    await write(join(place, 'link'), 'new', own)
    expect(readlinkSync(join(place, 'link'))).toBe('real')
    expect(readFileSync(join(place, 'real'), 'utf8')).toBe('new')
    expect(readdirSync(place)).toEqual(['link', 'real'])
  })

  test.each([
    [
      'a missing folder',
      'none/f',
      {},
      /cannot write .*: (Directory nonexistent|No such file.*|nonexistent dir.*)$/i,
    ],
    ['a folder in its place', 'taken', {}, /cannot write .*: .*(directory)/],
    ['an unknown owner', 'f', { owner: 'no-such-user' }, /cannot write .*: .*(invalid|unknown) /],
  ])('fails with one sentence for %s, leaving nothing behind', async (_what, name, more, text) => {
    const place = folder(`fail-${name.replace('/', '-')}`)
    mkdirSync(join(place, 'taken'))
    const wish = write(join(place, name), 'x', { ...own, ...more })
    const error = await wish.catch((reason) => reason)
    expect(error.message).toMatch(text)
    expect(error.message).toMatch(/^M1: cannot write \//)
    expect(readdirSync(place)).toEqual(['taken'])
  })

  test('needs an absolute path of a file', async () => {
    for (const path of ['relative', '/folder/', '', '/']) {
      await expect((async () => write(path, 'x', own))()).rejects.toThrow(
        'Expected an absolute path',
      )
    }
  })

  test('leaves the old file alone on a disk that is full', async (context) => {
    const place = folder('full')
    try {
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=32k', 'tandem', place], { stdio: 'ignore' })
    } catch {
      context.skip('mounting a small disk needs more rights than these')
    }
    try {
      const path = join(place, 'f')
      await write(path, 'old', own)
      await expect(write(path, 'x'.repeat(quick ? 65_000 : 200_000), own)).rejects.toThrow(
        `M1: cannot write ${path}: No space left on device`,
      )
      expect(readFileSync(path, 'utf8')).toBe('old')
      expect(readdirSync(place)).toEqual(['f'])
    } finally {
      execFileSync('umount', [place])
    }
  })

  test('leaves what is too long, or no text, to a channel of its own', () => {
    for (const content of ['x'.repeat(70_000), 'a\0b', Buffer.from([0xff, 0xfe])]) {
      expect(quickWrite(session, 'M1', '/f', content, own)).toBeUndefined()
    }
  })

  test('stays as it was when the content does not arrive whole', async () => {
    const path = join(folder('cut'), 'f')
    writeFileSync(path, 'old')
    const aborter = new AbortController()
    const wish = writeFile(c, path, Buffer.alloc(30_000_000), { ...own, signal: aborter.signal })
    setTimeout(() => aborter.abort(), 30)
    await expect(wish).rejects.toThrow('interrupted')
    expect(readFileSync(path, 'utf8')).toBe('old')
    expect(readdirSync(join(path, '..'))).toEqual(['f'])
  })
})
