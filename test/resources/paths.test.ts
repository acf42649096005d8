import {
  chmod,
  lchown,
  mkdir,
  readFile,
  readlink,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { absent, directory, link } from '../../lib/resources/index.ts'
import { converge, here, inDirectory, me } from './host.ts'

describe('directory', () => {
  test('creates it with its mode, parents too, and corrects the mode', () =>
    inDirectory(async (dir) => {
      const path = join(dir, `it's a`, 'b')
      const created = await converge(directory(path, { ...me, mode: 0o2750 }))
      expect(created?.summary).toBe('does not exist; created with mode 2750')
      expect((await stat(path)).mode & 0o7777).toBe(0o2750)
      await chmod(path, 0o700)
      await writeFile(join(path, 'content'), 'stays')
      expect((await converge(directory(path, me)))?.summary).toBe('mode 0700 → 0755')
      expect(await converge(directory(path, me))).toBeUndefined()
      expect(await readFile(join(path, 'content'), 'utf8')).toBe('stays')
    }))

  test('takes a link to a folder for the folder, and sets the mode there', () =>
    inDirectory(async (dir) => {
      const [path, real] = [join(dir, 'link'), join(dir, 'real')]
      await mkdir(real, { mode: 0o755 })
      await symlink('real', path)
      expect(await converge(directory(path, me))).toBeUndefined()
      expect((await converge(directory(path, { ...me, mode: 0o700 })))?.summary).toBe(
        'mode 0755 → 0700',
      )
      expect((await stat(real)).mode & 0o7777).toBe(0o700)
      expect(await readlink(path)).toBe('real')
    }))

  test('makes one with the mode that is wanted in a setgid folder', () =>
    inDirectory(async (dir) => {
      await chmod(dir, 0o2775)
      const path = join(dir, 'x')
      await converge(directory(path, me))
      expect((await stat(path)).mode & 0o7777).toBe(0o755)
    }))

  test('takes the setgid bit away where the role does not want it', () =>
    inDirectory(async (dir) => {
      const path = join(dir, 'x')
      await mkdir(path)
      await chmod(path, 0o2775)
      expect((await converge(directory(path, me)))?.summary).toBe('mode 2775 → 0755')
    }))

  test('refuses a file, a link to one, and one to nothing', () =>
    inDirectory(async (dir) => {
      const [path, other, none] = [join(dir, 'x'), join(dir, 'y'), join(dir, 'z')]
      await writeFile(path, '')
      await symlink('x', other)
      await symlink('nowhere', none)
      await expect(directory(path, me).check(here())).rejects.toThrow('got a file')
      await expect(directory(other, me).check(here())).rejects.toThrow('got a link to x')
      await expect(directory(none, me).check(here())).rejects.toThrow('got a link to nowhere')
    }))

  test("refuses another user's link", async (context) => {
    if (me.owner !== '0') context.skip('only root can make a link of another user')
    await inDirectory(async (dir) => {
      await symlink('/etc', join(dir, 'x'))
      await lchown(join(dir, 'x'), 4242, 4242)
      await expect(directory(join(dir, 'x')).check(here())).rejects.toThrow('got a link to /etc')
    })
  })
})

describe('link', () => {
  test('creates, finds nothing to do, and points elsewhere', () =>
    inDirectory(async (dir) => {
      const path = join(dir, 'a link')
      expect(await converge(link(path, `it's new`))).toMatchObject({
        summary: 'does not exist',
        diff: { path, before: undefined, after: `→ it's new` },
      })
      expect(await converge(link(path, `it's new`))).toBeUndefined()
      expect((await converge(link(path, '/dev/null')))?.summary).toBe(`points to it's new`)
      expect(await readlink(path)).toBe('/dev/null')
    }))

  test('replaces a link to a directory instead of writing into it', () =>
    inDirectory(async (dir) => {
      const [path, target] = [join(dir, 'x'), join(dir, 'target')]
      await mkdir(target)
      await symlink(target, path)
      await converge(link(path, '/dev/null'))
      expect(await readlink(path)).toBe('/dev/null')
    }))

  test('never replaces a file or a directory', () =>
    inDirectory(async (dir) => {
      const path = join(dir, 'x')
      await writeFile(path, 'precious')
      await expect(link(path, '/dev/null').check(here())).rejects.toThrow('got a file')
      await expect(link(dir, '/dev/null').check(here())).rejects.toThrow('got a directory')
    }))
})

describe('absent', () => {
  test('removes a file, and a link without its target', () =>
    inDirectory(async (dir) => {
      const [path, target] = [join(dir, '-x y'), join(dir, 'target')]
      await writeFile(target, 'stays')
      await symlink(target, path)
      expect((await converge(absent(path)))?.summary).toBe(`removes a link to ${target}`)
      expect(await converge(absent(path))).toBeUndefined()
      expect(await readFile(target, 'utf8')).toBe('stays')
      expect((await converge(absent(target)))?.summary).toBe('removes a file')
    }))

  test('refuses a directory', () =>
    inDirectory(async (dir) => {
      await expect(absent(dir).check(here())).rejects.toThrow('got a directory')
    }))
})
