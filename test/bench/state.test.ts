import { chmodSync, mkdirSync, mkdtempSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { expect, test } from 'vitest'
import { differences, endState, hashOf } from '../../bench/state.ts'

function tree(files: Record<string, string>): string {
  const root = mkdtempSync(join(tmpdir(), 'bench-state-'))
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true })
    writeFileSync(join(root, path), text)
    chmodSync(join(root, path), 0o644)
  }
  return root
}

test('what an overlay only copied is no change', () => {
  const base = tree({ 'etc/hosts': 'localhost\n' })
  expect(endState(tree({ 'etc/hosts': 'localhost\n' }), base).size).toBe(0)
})

test('content, mode, links and new folders are', () => {
  const base = tree({ 'etc/a': 'a', 'etc/b': 'b' })
  const upper = tree({ 'etc/a': 'other', 'etc/b': 'b', 'data/x': '' })
  chmodSync(join(upper, 'etc/b'), 0o600)
  symlinkSync('a', join(upper, 'etc/c'))
  const found = endState(upper, base)
  expect([...found.keys()]).toEqual(['/data', '/data/x', '/etc/a', '/etc/b', '/etc/c'])
  expect(found.get('/etc/c')).toMatch(/^link \d+:\d+ a$/)
})

test('traces of the way there are not part of it', () => {
  const upper = tree({ 'root/.ansible/tmp/x': '', 'usr/lib/__pycache__/y.pyc': '', 'tmp/z': '' })
  expect([...endState(upper, tree({ 'usr/lib/x': '' })).keys()]).not.toContainEqual(
    expect.stringMatching(/ansible|pycache|z$/),
  )
})

test('two end states are told apart by path', () => {
  const base = tree({ 'etc/a': 'a' })
  const one = endState(tree({ 'etc/a': '1' }), base)
  const same = endState(tree({ 'etc/a': '1' }), base)
  const other = endState(tree({ 'etc/a': '2', 'etc/new': '' }), base)
  expect(hashOf(one)).toBe(hashOf(same))
  expect(differences(one, same)).toEqual([])
  expect(differences(one, other).map((line) => line.split(':')[0])).toEqual(['/etc/a', '/etc/new'])
})
