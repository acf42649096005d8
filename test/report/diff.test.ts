import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { diffLines } from '../../lib/report/diff.ts'

const folder = mkdtempSync(join(tmpdir(), 'tandem-diff-'))
afterAll(() => rmSync(folder, { recursive: true }))
const plain = (_: string, text: string) => text
const shown = (before: string | undefined, after: string | undefined) =>
  diffLines({ path: '/etc/x', before, after }, plain)

/** What diffutils says of the same texts, its two head lines left out. */
function told(before: string, after: string): string[] {
  writeFileSync(join(folder, 'a'), before)
  writeFileSync(join(folder, 'b'), after)
  const { stdout } = spawnSync('diff', ['-u', join(folder, 'a'), join(folder, 'b')], {
    encoding: 'utf8',
  })
  return stdout.split('\n').slice(2, -1)
}

const lines = (...words: (string | number)[]) => words.map((word) => `${word}\n`).join('')
const many = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i)

describe('a diff', () => {
  test.each([
    ['a line changes', lines(...many(0, 20)), lines(...many(0, 9), 'new', ...many(10, 20))],
    ['lines go and come far apart', lines(...many(0, 40)), lines(...many(1, 38), 'end')],
    ['all of it is new', '', lines('a', 'b')],
    ['all of it goes', lines('a'), ''],
    ['the last line loses its end', lines('a', 'b'), 'a\nb'],
    ['the last line gets its end', 'a\nb', lines('a', 'b')],
    ['nothing changes', lines('a'), lines('a')],
  ])('is what diff -u says where %s', (_, before, after) => {
    expect(shown(before, after).slice(2)).toEqual(told(before, after))
  })

  test('names what was not there', () => {
    expect(shown(undefined, 'a\n').slice(0, 2)).toEqual(['--- /dev/null', '+++ /etc/x'])
    expect(shown('a\n', undefined).slice(0, 2)).toEqual(['--- /etc/x', '+++ /dev/null'])
  })

  test('of two long texts without a line in common ends, and shows both', () => {
    const [before, after] = [lines(...many(0, 5_000)), lines(...many(10_000, 15_000))]
    const all = shown(before, after).slice(3)
    expect(all.filter((line) => line.startsWith('-'))).toHaveLength(5_000)
    expect(all.filter((line) => line.startsWith('+'))).toHaveLength(5_000)
  })

  test('never shows a secret, nor lets a text steer the terminal', () => {
    const diff = { path: '/k', before: 'hunter2', after: 'hunter3', secret: true }
    expect(diffLines(diff, plain)).toEqual(['/k: (secret, not shown)'])
    expect(shown('', 'a\u001b[2J\n').join()).not.toContain('\u001b')
  })
})
