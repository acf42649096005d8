import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { lock, locked } from '../../lib/lab/model/lock.ts'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tandem-lock-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

test('lets one in after the other', async () => {
  const file = join(folder, 'lock')
  const order: string[] = []
  const unlock = await lock(file)
  const second = locked(file, {}, async () => {
    order.push('second')
  })
  order.push('first')
  unlock()
  await second
  expect(order).toEqual(['first', 'second'])
})

test('stops waiting when interrupted', async () => {
  const file = join(folder, 'lock')
  const unlock = await lock(file)
  const controller = new AbortController()
  const waiting = lock(file, { signal: controller.signal })
  controller.abort()
  await expect(waiting).rejects.toThrow('Interrupted')
  unlock()
})
