import { describe, expect, it } from 'vitest'
import legacy from '../../inventory/legacy.ts'
import production from '../../inventory/production.ts'
import { schema } from '../../inventory/schema.ts'
import { defineInventory, unstartedLab } from '../../lib/index.ts'

const times = (nfs: Partial<(typeof production)['vars']['nfs']>) => {
  const { grace: _, lease: __, ...rest } = production.vars.nfs
  const made = defineInventory(schema, {
    ...production,
    vars: { ...production.vars, nfs: { ...rest, ...nfs } },
  })
  return [made.vars.nfs.grace, made.vars.nfs.lease]
}

describe('profiles of grace and lease', () => {
  it.each([
    [{ profile: 'fast' }, [10, 10]],
    [{ profile: 'safe' }, [60, 60]],
    [{ profile: 'fast', grace: 20 }, [20, 10]],
    [{ profile: 'safe', lease: 30 }, [60, 30]],
  ] as const)('%j', (nfs, wanted) => {
    expect(times(nfs)).toEqual(wanted)
  })

  it('an unknown one is refused', () => {
    expect(() => times({ profile: 'quick' as 'fast' })).toThrow(/profile/)
  })
})

it('a client of version 3 is served only where the inventory says so', () => {
  const { vars } = legacy.embeddedLab(unstartedLab)
  expect([vars.client.version, vars.nfs.legacyClients]).toEqual(['3', true])
  expect(production.vars.client.version).toBe('4.2')
})
