import { execFileSync } from 'node:child_process'
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { readText } from '../../lib/resources/shared/edit-file.ts'
import { look, lookWithSum } from '../../lib/resources/shared/stat.ts'
import { here, inDirectory } from './host.ts'

test('what is looked at together is as if looked at alone, in one question', () =>
  inDirectory(async (directory) => {
    const at = (name: string) => join(directory, name)
    mkdirSync(at('folder'))
    writeFileSync(at('file'), 'text\n', { mode: 0o640 })
    writeFileSync(at('other file'), 'more\n')
    writeFileSync(at('empty'), '')
    symlinkSync('file', at('link'))
    symlinkSync('a\n=== 1\nb ', at('link to lines'))
    symlinkSync(at('link'), at('link to a link'))
    execFileSync('mkfifo', [at('pipe')])
    const names = ['folder', 'file', 'other file', 'empty', 'link', 'link to lines']
    names.push('link to a link', 'pipe', 'missing', 'no folder/missing', 'file')
    for (const way of [look, lookWithSum]) {
      const alone = []
      for (const name of names) alone.push(await way(here(), at(name)))
      const host = here()
      const together = await Promise.all(names.map((name) => way(host, at(name))))
      expect(together.map((found) => found && { ...found, target: undefined })).toEqual(
        alone.map((found) => found && { ...found, target: undefined }),
      )
      if (way === look) expect(together).toEqual(alone)
      expect(host.asked).toHaveLength(1)
    }
    const [sum] = await Promise.all([lookWithSum(here(), at('file'))])
    expect(sum?.sum).toBe(
      execFileSync('sha256sum', [at('file')], { encoding: 'utf8' }).slice(0, 64),
    )
  }))

test.each(["it's", 'back\\slash', 'do"uble'])(
  'a path like %j costs a question, not the answer',
  (name) =>
    inDirectory(async (directory) => {
      writeFileSync(join(directory, name), 'x')
      writeFileSync(join(directory, 'plain'), 'y')
      const host = here()
      const names = [name, 'plain', `${name}.missing`, 'gone']
      const found = await Promise.all(names.map((one) => lookWithSum(host, join(directory, one))))
      expect(found.map((one) => one?.size)).toEqual([1, 1, undefined, undefined])
      expect(found[0]?.sum).not.toBe(found[1]?.sum)
    }),
)

test('trouble with one path is told of that path alone', () =>
  inDirectory(async (directory) => {
    writeFileSync(join(directory, 'file'), 'x')
    const host = here()
    const under = join(directory, 'file', 'under')
    const [good, bad] = await Promise.allSettled([
      lookWithSum(host, join(directory, 'file')),
      lookWithSum(host, under),
    ])
    expect(good).toMatchObject({ status: 'fulfilled', value: { kind: 'file', size: 1 } })
    expect(String((bad as PromiseRejectedResult).reason)).toContain(`Cannot look at ${under}`)
    expect(String((bad as PromiseRejectedResult).reason)).toContain('Not a directory')
  }))

test('texts read together are as if read alone, in one question', () =>
  inDirectory(async (directory) => {
    const at = (name: string) => join(directory, name)
    const names = ['ünï', 'empty', 'no end', "it's", 'ünï']
    writeFileSync(at('ünï'), 'größer\n€\n', { mode: 0o604 })
    writeFileSync(at('empty'), '')
    writeFileSync(at('no end'), '600 root root 0 0 0')
    writeFileSync(at("it's"), 'a\n\n\n')
    const host = here()
    const together = await Promise.all(names.map((name) => readText(host, at(name))))
    expect(host.asked).toHaveLength(1)
    for (const [index, name] of names.entries()) {
      expect(together[index]).toEqual(await readText(here(), at(name)))
    }
    expect(together[0]?.content).toBe('größer\n€\n')
  }))

test('a text that cannot be read leaves the others as they are', () =>
  inDirectory(async (directory) => {
    const at = (name: string) => join(directory, name)
    writeFileSync(at('text'), 'x\n')
    writeFileSync(at('bytes'), Buffer.from([0x61, 0xff, 0x0a]))
    symlinkSync('text', at('link'))
    const host = here()
    const all = ['text', 'bytes', 'link', 'missing', '']
    const read = await Promise.allSettled(all.map((name) => readText(host, at(name))))
    expect(read[0]).toMatchObject({ status: 'fulfilled', value: { content: 'x\n' } })
    expect(String((read[1] as PromiseRejectedResult).reason)).toContain('Expected UTF-8 text')
    expect(read[2]).toMatchObject({ value: { path: at('text'), content: 'x\n' } })
    expect(read[3]).toMatchObject({ status: 'fulfilled', value: undefined })
    expect(String((read[4] as PromiseRejectedResult).reason)).toContain('got a directory')
  }))
