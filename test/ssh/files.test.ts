import { execFileSync } from 'node:child_process'
import {
  chownSync,
  lchownSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { createServer } from 'node:net'
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

/** Perl is on every Debian; the tools for ACLs and attributes are not. */
const perl = (script: string, ...words: string[]) => execFileSync('perl', ['-e', script, ...words])
const setAttribute = (file: string, name: string, value: Buffer) =>
  perl(
    'my ($f, $n, $v) = @ARGV; $v = pack "H*", $v; syscall(188, $f, $n, $v, length $v, 0) == 0 or die "$n: $!"',
    file,
    name,
    value.toString('hex'),
  )
const attribute = (file: string, name: string) =>
  perl(
    'my ($f, $n) = @ARGV; my $v = chr(0) x 999; my $l = syscall(191, $f, $n, $v, 999); die "$n: $!" if $l < 0; print substr $v, 0, $l',
    file,
    name,
  )

/** An ACL as the kernel packs it: tag, bits and, for named users and groups, the number of each entry. */
function packedAcl(
  entries: readonly (readonly [tag: number, bits: number, id?: number])[],
): Buffer {
  const packed = Buffer.alloc(4 + entries.length * 8)
  packed.writeUInt32LE(2)
  for (const [i, [tag, bits, id = 0xffffffff]] of entries.entries()) {
    packed.writeUInt16LE(tag, 4 + i * 8)
    packed.writeUInt16LE(bits, 6 + i * 8)
    packed.writeUInt32LE(id, 8 + i * 8)
  }
  return packed
}

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

  test('takes the place of a link, whose target stays as it was', async () => {
    const place = folder('link')
    writeFileSync(join(place, 'real'), 'precious', { mode: 0o600 })
    symlinkSync('real', join(place, 'link'))
    await write(join(place, 'link'), 'new', own)
    expect(lstatSync(join(place, 'link')).isFile()).toBe(true)
    expect(readFileSync(join(place, 'link'), 'utf8')).toBe('new')
    expect(readFileSync(join(place, 'real'), 'utf8')).toBe('precious')
    expect(statSync(join(place, 'real')).mode & 0o777).toBe(0o600)
    expect(readdirSync(place)).toEqual(['link', 'real'])
  })

  test.each(['pipe', 'socket', 'device'])('leaves a %s alone', async (kind) => {
    const place = folder(`no-file-${kind}`)
    const path = join(place, kind)
    const server = createServer()
    if (kind === 'socket') await new Promise((done) => server.listen(path, () => done(undefined)))
    else execFileSync('mknod', [path, ...(kind === 'pipe' ? ['p'] : ['c', '1', '3'])])
    const before = lstatSync(path)
    await expect(write(path, 'x', own)).rejects.toThrow(
      `M1: cannot write ${path}: what is there is a directory, a device or the like`,
    )
    expect(lstatSync(path)).toMatchObject({ ino: before.ino, mode: before.mode })
    expect(readdirSync(place)).toEqual([kind])
    server.close()
  })

  test('keeps the ACL and the attributes of the file it replaces', async () => {
    const file = join(folder('acl'), 'f')
    writeFileSync(file, 'old', { mode: 0o600 })
    // The file's group may nothing; user 4242 may read and write, as far as the mask (group's bits) goes.
    const acl = packedAcl([
      [1, 6],
      [2, 6, 4242],
      [4, 0],
      [16, 6],
      [32, 0],
    ])
    setAttribute(file, 'system.posix_acl_access', acl)
    setAttribute(file, 'user.note', Buffer.from('kept'))
    expect(statSync(file).mode & 0o777).toBe(0o660)
    await write(file, 'new', { ...own, mode: 0o660 })
    expect(readFileSync(file, 'utf8')).toBe('new')
    expect(attribute(file, 'system.posix_acl_access')).toEqual(acl)
    expect(attribute(file, 'user.note').toString()).toBe('kept')
  })

  test('refuses a folder that another user has put a link in the way of', async (context) => {
    if (process.getuid?.() !== 0) context.skip('only root can make a link of another user')
    const place = folder('others')
    mkdirSync(join(place, 'real'))
    symlinkSync('real', join(place, 'own'))
    await write(join(place, 'own', 'f'), 'mine', own)
    expect(readFileSync(join(place, 'real', 'f'), 'utf8')).toBe('mine')
    symlinkSync('real', join(place, 'theirs'))
    lchownSync(join(place, 'theirs'), 4242, 4242)
    await expect(write(join(place, 'theirs', 'f'), 'x', own)).rejects.toThrow(
      `${join(place, 'theirs')} is a link that belongs to another user`,
    )
    expect(readdirSync(join(place, 'real'))).toEqual(['f'])
    expect(readFileSync(join(place, 'real', 'f'), 'utf8')).toBe('mine')
    // Their link to a folder of their own, as a release of an application, leads nobody astray.
    chownSync(join(place, 'real'), 4242, 4242)
    await write(join(place, 'theirs', 'f'), 'new', own)
    expect(readFileSync(join(place, 'real', 'f'), 'utf8')).toBe('new')
  })

  test('needs no room for the old content', async (context) => {
    const place = folder('tight')
    try {
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=200k', 'tandem', place], {
        stdio: 'ignore',
      })
    } catch {
      context.skip('mounting a small disk needs more rights than these')
    }
    try {
      writeFileSync(join(place, 'f'), 'x'.repeat(120_000))
      await write(join(place, 'f'), 'small', own)
      expect(readFileSync(join(place, 'f'), 'utf8')).toBe('small')
    } finally {
      execFileSync('umount', [place])
    }
  })

  test('tells that something is mounted on the file', async (context) => {
    const place = folder('mounted')
    const file = join(place, 'f')
    writeFileSync(file, 'below')
    writeFileSync(join(place, 'above'), 'above')
    try {
      execFileSync('mount', ['--bind', join(place, 'above'), file], { stdio: 'ignore' })
    } catch {
      context.skip('mounting needs more rights than these')
    }
    try {
      await expect(write(file, 'x', own)).rejects.toThrow(
        `M1: cannot write ${file}: something is mounted on this file; unmount it first`,
      )
      expect(readFileSync(file, 'utf8')).toBe('above')
      expect(readdirSync(place)).toEqual(['above', 'f'])
    } finally {
      execFileSync('umount', [file])
    }
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
