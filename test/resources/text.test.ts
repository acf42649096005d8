import { readdirSync, readFileSync } from 'node:fs'
import { chown, lchown, link, readFile, readlink, stat, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { type BlockOptions, block, type LineOptions, line } from '../../lib/resources/index.ts'
import { converge, here, inDirectory, me } from './host.ts'

/** One edit of one text: `content` is the text afterwards, or `error` what is said instead. */
interface Case {
  title: string
  before: string | null
  line?: Omit<LineOptions, 'match'> & { match?: string }
  block?: BlockOptions
  after?: { content: string; summary: string }
  error?: string
}

const folder = join(import.meta.dirname, 'edits')
const cases = readdirSync(folder).map(
  (name): Case => JSON.parse(readFileSync(join(folder, name), 'utf8')),
)

function edit(path: string, given: Case) {
  if (given.block) return block(path, given.block)
  const { match, ...options } = given.line ?? { line: '' }
  return line(path, { ...options, ...(match !== undefined && { match: new RegExp(match, 'g') }) })
}

describe('line and block', () => {
  for (const given of cases) {
    test(given.title, () =>
      inDirectory(async (dir) => {
        const path = join(dir, 'a file')
        if (given.before !== null) await writeFile(path, given.before)
        const task = edit(path, given)
        if (given.error) {
          await expect(task.check(here())).rejects.toThrow(given.error.replace('PATH', path))
          return
        }
        const change = await task.check(here())
        expect(change?.summary).toBe(given.after?.summary.replace('PATH', path))
        if (!change || !given.after) return
        const { content } = given.after
        expect(change.diff).toEqual({ path, before: given.before ?? undefined, after: content })
        // A file that is made belongs to root, which only root can do.
        if (given.before === null && me.owner !== '0') return
        await converge(task)
        expect(await readFile(path, 'utf8')).toBe(content)
        expect(await converge(task)).toBeUndefined()
      }),
    )
  }

  test('keeps the mode, and edits the file behind a link', () =>
    inDirectory(async (dir) => {
      const [path, target] = [join(dir, 'link'), join(dir, 'target')]
      await writeFile(target, 'a\n', { mode: 0o640 })
      await symlink('target', path)
      const change = await converge(line(path, { line: 'b' }))
      // What reads it by either name has something to do after it.
      expect(change?.diff).toMatchObject({ path: target, paths: [path] })
      expect(await readFile(target, 'utf8')).toBe('a\nb\n')
      expect((await stat(target)).mode & 0o7777).toBe(0o640)
      expect(await readlink(path)).toBe('target')
    }))

  test('says that other names keep the old text', () =>
    inDirectory(async (dir) => {
      const [path, other] = [join(dir, 'x'), join(dir, 'other')]
      await writeFile(path, 'a\n')
      await link(path, other)
      expect((await converge(line(path, { line: 'b' })))?.summary).toBe(
        'adds a line; its other name (a hard link) stays as it was',
      )
      expect(await readFile(other, 'utf8')).toBe('a\n')
      expect(await readFile(path, 'utf8')).toBe('a\nb\n')
    }))

  test('keeps a byte order mark, which hides no line', () =>
    inDirectory(async (dir) => {
      const path = join(dir, 'x')
      await writeFile(path, '\ufeffport=1\nhost=a\n')
      await converge(line(path, { line: 'port=2', match: /^port=/ }))
      expect(await readFile(path, 'utf8')).toBe('\ufeffport=2\nhost=a\n')
    }))

  test('tells the replacement character from bytes that are no text', () =>
    inDirectory(async (dir) => {
      const [good, bad] = [join(dir, 'good'), join(dir, 'bad')]
      await writeFile(good, 'unknown=\ufffd\n')
      // The beginning of a character of four bytes, as long as U+FFFD is.
      await writeFile(bad, Buffer.from([0xf0, 0x9f, 0x98, 0x0a]))
      await converge(line(good, { line: 'bye' }))
      expect(await readFile(good, 'utf8')).toBe('unknown=\ufffd\nbye\n')
      await expect(line(bad, { line: 'bye' }).check(here())).rejects.toThrow('Expected UTF-8 text')
    }))

  test('refuses a link to nothing', () =>
    inDirectory(async (dir) => {
      const path = join(dir, 'x')
      await symlink('gone', path)
      await expect(
        line(path, { line: 'b', create: { mode: 0o644 } }).check(here()),
      ).rejects.toThrow(`it is a link to ${join(dir, 'gone')}, where nothing is`)
      expect(await readlink(path)).toBe('gone')
    }))

  test("refuses another user's link to a file that is not that user's", async (context) => {
    if (me.owner !== '0') context.skip('only root can make a link of another user')
    await inDirectory(async (dir) => {
      const [path, target] = [join(dir, 'x'), join(dir, 'target')]
      await writeFile(target, 'a\n')
      await symlink('target', path)
      await lchown(path, 4242, 4242)
      await expect(line(path, { line: 'b' }).check(here())).rejects.toThrow(
        'that belongs to another user (number 4242)',
      )
      await chown(target, 4242, 4242)
      await converge(line(path, { line: 'b' }))
      expect(await readFile(target, 'utf8')).toBe('a\nb\n')
    })
  })

  test('adds a line before another, and at the end where there is none', () =>
    inDirectory(async (dir) => {
      const path = join(dir, 'x')
      await writeFile(path, 'Port 22\nMatch User backup\n  ForceCommand /bin/true\n')
      const task = () => line(path, { line: 'PasswordAuthentication no', before: /^Match /g })
      await converge(task())
      const text =
        'Port 22\nPasswordAuthentication no\nMatch User backup\n  ForceCommand /bin/true\n'
      expect(await readFile(path, 'utf8')).toBe(text)
      expect(await converge(task())).toBeUndefined()
      await converge(line(path, { line: 'End', before: /^none/ }))
      expect(await readFile(path, 'utf8')).toBe(`${text}End\n`)
    }))

  test('refuses a directory and bytes that are no text', () =>
    inDirectory(async (dir) => {
      const path = join(dir, 'x')
      await writeFile(path, Buffer.from([0xff, 0x00, 0x0a]))
      await expect(line(dir, { line: 'b' }).check(here())).rejects.toThrow('got a directory')
      await expect(line(path, { line: 'b' }).check(here())).rejects.toThrow('Expected UTF-8 text')
    }))

  test('asks one question', () =>
    inDirectory(async (dir) => {
      const [path, host] = [join(dir, 'x'), here()]
      await writeFile(path, 'a\n')
      await line(path, { line: 'b' }).check(host)
      expect(host.asked).toHaveLength(1)
    }))

  test('refuses texts of more than one line before any connection', () => {
    expect(() => line('/x', { line: 'a\nb' })).toThrow(
      'Expected `line` to be one line, got "a\\nb"',
    )
    expect(() => block('/x', { name: 'n', lines: ['a\nb'] })).toThrow('Expected single lines')
    expect(() => block('/x', { name: 'n', lines: ['# END n'] })).toThrow('without its markers')
  })
})
