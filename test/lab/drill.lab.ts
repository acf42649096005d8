import { beforeAll, expect, it } from 'vitest'
import { drill } from './drilling.ts'
import { lab, play, story } from './tandem.ts'

beforeAll(async () => {
  const reset = await lab('reset', 'clean')
  expect(reset.code, reset.stderr).toBe(0)
  const site = await play(['site'])
  expect(site.code, story(site)).toBe(0)
})

it('a planned move and a lost nfsd lose nothing, and what they took is known', async () => {
  const { code, told, rows, rounds } = await drill('--only', 'standby,nfsd')
  expect(code, told).toBe(0)
  expect(rows.map(({ drill: name }) => name)).toEqual(['standby', 'nfsd'])
  for (const row of rows) {
    expect(row.acknowledged, told).toBeGreaterThan(10)
    expect({ lost: row.lost, errors: row.clientErrors }).toEqual({ lost: 0, errors: 0 })
  }
  const move = rounds[0]?.phasesMs ?? {}
  for (const phase of ['detect', 'stop', 'promote', 'mount', 'nfsd', 'vip', 'reconnect'] as const) {
    expect(move[phase], `${phase}: ${told}`).toBeGreaterThanOrEqual(0)
  }
})

it('a node that freezes and thaws is off before the other serves: nothing is lost', async () => {
  const { code, told, rows, rounds } = await drill('--only', 'freeze-active', '--skip-compare')
  expect(code, told).toBe(0)
  expect(rows.map(({ lost, clientErrors }) => [lost, clientErrors])).toEqual([[0, 0]])
  expect(rows[0]?.acknowledged, told).toBeGreaterThan(10)
  const [round] = rounds
  expect(round?.phasesMs.fence, told).toBeGreaterThan(0)
  const samples = Object.values(round?.written?.samples ?? {})
  expect(samples, told).toHaveLength(2)
  for (const count of samples) expect(count, told).toBeGreaterThan(10)
  expect(round?.written?.both, told).toEqual([])
})
