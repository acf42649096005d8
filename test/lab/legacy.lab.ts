import { afterAll, beforeAll, expect, it } from 'vitest'
import { drill } from './drilling.ts'
import { lab, on, play, story } from './tandem.ts'

beforeAll(async () => {
  const reset = await lab('reset', 'clean')
  expect(reset.code, reset.stderr).toBe(0)
  const site = await play(['site', '--inventory', 'legacy'])
  expect(site.code, story(site)).toBe(0)
})

afterAll(async () => {
  await lab('reset', 'clean')
})

it('a client of NFS 3 loses nothing in a move, and the lock it holds moves along', async () => {
  expect(await on('C1', 'findmnt -no FSTYPE,OPTIONS /data')).toMatch(/^nfs .*\bvers=3\b/)
  const { code, told, rows } = await drill('--inventory', 'legacy', '--only', 'standby,lock')
  expect(code, told).toBe(0)
  for (const row of rows) {
    expect(row.acknowledged, told).toBeGreaterThan(10)
    expect({ lost: row.lost, errors: row.clientErrors }).toEqual({ lost: 0, errors: 0 })
  }
})
