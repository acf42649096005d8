import { spawnSync } from 'node:child_process'
import { expect, test } from 'vitest'
import { sections } from '../../lib/core/sections.ts'

test('takes a script’s output apart at its marks', () => {
  const script = `echo '--- one'; echo a; echo; echo b; echo '--- two'; printf x; echo; echo '--- three'`
  const { stdout } = spawnSync('sh', ['-c', script], { encoding: 'utf8' })
  const parts = sections(stdout, ['one', 'two', 'three', 'four'])
  expect([...parts]).toEqual([
    ['one', 'a\n\nb\n'],
    ['two', 'x\n'],
    ['three', ''],
  ])
})

test('leaves lines alone that only look like a mark', () => {
  const parts = sections('before\n--- log\n--- cut here ---\nx --- log\n', ['log'])
  expect([...parts]).toEqual([['log', '--- cut here ---\nx --- log\n']])
})
