import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { referenceText } from '../../docs/reference.ts'

it('the reference is what the code says now; else: npm run docs', async () => {
  const page = readFileSync(join(import.meta.dirname, '../../docs/reference.md'), 'utf8')
  expect(page).toBe(await referenceText())
})

it('every key of an inventory says what it is', async () => {
  const [, keys = ''] = (await referenceText()).split('## Keys of an inventory')
  const rows = keys.split('\n').filter((line) => /^\| (?:\w+: )?`/.test(line))
  expect(rows.length).toBeGreaterThan(50)
  expect(rows.filter((row) => /\|\s*\|$/.test(row))).toEqual([])
})
