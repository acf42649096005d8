import {
  chmod,
  link,
  mkdir,
  readFile,
  readlink,
  stat,
  symlink,
  utimes,
  writeFile,
} from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { file } from '../../lib/resources/index.ts'
import { converge, here, inDirectory, me } from './host.ts'

describe('file', () => {
  test('creates, finds nothing to do, and changes', () =>
    inDirectory(async (dir) => {
      const path = join(dir, 'ha.cf')
      const created = await converge(file(path, 'one\n', me))
      expect(created).toMatchObject({
        summary: 'does not exist; created with mode 0644',
        diff: { path, before: undefined, after: 'one\n' },
      })
      expect(await converge(file(path, 'one\n', me))).toBeUndefined()
      const changed = await converge(file(path, 'two\n', { ...me, mode: 0o600 }))
      expect(changed).toMatchObject({
        summary: 'content differs, mode 0644 → 0600',
        diff: { before: 'one\n', after: 'two\n' },
      })
      expect(await readFile(path, 'utf8')).toBe('two\n')
      expect((await stat(path)).mode & 0o7777).toBe(0o600)
    }))

  test('asks one question where nothing differs, a second only for a diff', () =>
    inDirectory(async (dir) => {
      const [path, host] = [join(dir, 'x'), here()]
      await converge(file(path, 'same', me))
      await file(path, 'same', me).check(host)
      expect(host.asked).toHaveLength(1)
      await file(path, 'other', me).check(host)
      expect(host.asked).toHaveLength(3)
    }))

  test('changes only the mode without writing the content again', () =>
    inDirectory(async (dir) => {
      const path = join(dir, 'x')
      await converge(file(path, 'same', me))
      const { ino } = await stat(path)
      const changed = await converge(file(path, 'same', { ...me, mode: 0o4750 }))
      expect(changed?.summary).toBe('mode 0644 → 4750')
      expect(changed?.diff).toBeUndefined()
      const now = await stat(path)
      expect([now.ino, now.mode & 0o7777]).toEqual([ino, 0o4750])
    }))

  const contents: Record<string, string | Buffer> = {
    empty: '',
    'no newline at the end': 'a\nb',
    CRLF: 'a\r\nb\r\n',
    unicode: 'größe 高可用\n',
    'bytes that are no text': Buffer.from([0, 1, 255, 254, 10]),
    "another's quotes": `'"\`$HOME\\n`,
  }
  for (const [name, content] of Object.entries(contents)) {
    test(`writes exactly: ${name}`, () =>
      inDirectory(async (dir) => {
        const path = join(dir, 'x')
        expect(await converge(file(path, content, me))).toBeDefined()
        expect(await readFile(path)).toEqual(Buffer.from(content))
        expect(await converge(file(path, content, me))).toBeUndefined()
      }))
  }

  for (const name of [
    'with space',
    `it's "quoted"`,
    '-n',
    '$HOME `id`',
    'back\\slash',
    'a*b?',
    'ü',
  ]) {
    test(`manages a file called ${name}`, () =>
      inDirectory(async (dir) => {
        const path = join(dir, name)
        expect(await converge(file(path, 'a', me))).toBeDefined()
        expect(await converge(file(path, 'b', me))).toMatchObject({ diff: { before: 'a' } })
        expect(await converge(file(path, 'b', me))).toBeUndefined()
      }))
  }

  test('keeps a secret out of summary and diff and never reads the old one', () =>
    inDirectory(async (dir) => {
      const [path, host] = [join(dir, 'authkeys'), here()]
      await writeFile(path, 'old-key')
      const change = await converge(
        file(path, 'new-key', { ...me, mode: 0o600, secret: true }),
        host,
      )
      expect(change?.diff?.secret).toBe(true)
      expect(JSON.stringify(change)).not.toMatch(/old-key|new-key/)
      expect(host.asked.join()).not.toContain('cat')
      expect(await readFile(path, 'utf8')).toBe('new-key')
    }))

  test('counts bytes instead of showing what is no text', () =>
    inDirectory(async (dir) => {
      const path = join(dir, 'x')
      await writeFile(path, Buffer.from([0, 255, 1]))
      const change = await file(path, 'text', me).check(here())
      expect(change?.diff?.before).toBe('(3 bytes, not text)')
    }))

  test('replaces a link by a file and leaves its target alone', () =>
    inDirectory(async (dir) => {
      const [path, target] = [join(dir, 'x'), join(dir, 'target')]
      await writeFile(target, 'precious')
      await symlink(target, path)
      const change = await converge(file(path, 'mine', me))
      expect(change).toMatchObject({
        summary: 'is a link; becomes a file',
        diff: { before: `(link to ${target})` },
      })
      await expect(readlink(path)).rejects.toThrow()
      expect(await readFile(target, 'utf8')).toBe('precious')
    }))

  test('says that other names stay as they were', () =>
    inDirectory(async (dir) => {
      const path = join(dir, 'x')
      await writeFile(path, 'old')
      await chmod(path, 0o644)
      for (const name of ['a', 'b']) await link(path, join(dir, name))
      expect((await converge(file(path, 'new', me)))?.summary).toBe(
        'content differs; its 2 other names (hard links) stay as they were',
      )
      expect(await readFile(join(dir, 'b'), 'utf8')).toBe('old')
    }))

  test('refuses a directory', () =>
    inDirectory(async (dir) => {
      await expect(file(dir, '', me).check(here())).rejects.toThrow(
        `Expected a file or nothing at ${dir}, got a directory`,
      )
    }))

  test('does not take a path that cannot be looked at for one that is not there', () =>
    inDirectory(async (dir) => {
      await writeFile(join(dir, 'plain'), '')
      const path = join(dir, 'plain', 'below')
      await expect(file(path, '', me).check(here())).rejects.toThrow(
        /^Cannot look at .*: Not a directory$/,
      )
    }))

  test('is not fooled by an equal size and time', () =>
    inDirectory(async (dir) => {
      const path = join(dir, 'x')
      await writeFile(path, 'aaaa')
      await chmod(path, 0o644)
      await utimes(path, 1, 1)
      expect(await file(path, 'bbbb', me).check(here())).toBeDefined()
    }))

  for (const path of ['relative', '/etc/../x', '/etc//x', '/etc/', '/etc/a\nb']) {
    test(`refuses the path ${JSON.stringify(path)} before any connection`, () => {
      expect(() => file(path, '')).toThrow(/^Expected (an absolute path|a path) without/)
    })
  }

  test('says that a parent is missing by failing to write, not by making one', () =>
    inDirectory(async (dir) => {
      const path = join(dir, 'no', 'x')
      await expect(converge(file(path, '', me))).rejects.toThrow(
        /cannot write .*: No such file or directory$/,
      )
      await mkdir(join(dir, 'no'))
      expect(await converge(file(path, '', me))).toBeDefined()
    }))
})
