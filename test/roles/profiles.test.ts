import { describe, expect, it } from 'vitest'
import legacy from '../../inventory/legacy.ts'
import literal from '../../inventory/literal.ts'
import production from '../../inventory/production.ts'
import { schema } from '../../inventory/schema.ts'
import { defineInventory, type Role, unstartedLab } from '../../lib/index.ts'
import resources, { resourceNames } from '../../roles/integrate/resources.ts'
import watch from '../../roles/integrate/watch.ts'
import exports from '../../roles/nfs/exports.ts'

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

describe('the article to the letter', () => {
  const { hosts, vars } = literal.embeddedLab(unstartedLab)
  const facts = (name: string) => {
    const found = hosts[name]
    if (found?.vars.kind !== 'node') throw new Error(name)
    return { name, vars: found.vars }
  }
  const titles = (role: Role<never, never>) =>
    role
      .tasks({ host: facts('M1'), others: [facts('M2')], vars } as never)
      .map(({ title }) => title)

  it('has the address first, and no script of ours but the one that says so', () => {
    expect(resourceNames(vars)).toEqual([
      'IPaddr2::192.168.0.219/24/em1',
      'drbddisk::drbd',
      'Filesystem::/dev/drbd0::/data::ext4',
      'article-nfs',
    ])
    expect(titles(resources)[0]).toMatch(/^FOR COMPARISON ONLY/)
    expect(titles(watch)).toEqual([])
  })

  it("keeps the distribution's NFS settings", () => {
    expect(titles(exports).join()).not.toMatch(/nfs\.conf|server\.service masked|mountd/)
    // Debian has it and the article's system had not; nfsdcltrack the script turns off.
    expect(titles(exports).join()).toMatch(/service nfsdcld\.service masked/)
    expect([vars.nfs.grace, vars.nfs.lease]).toEqual([90, 90])
  })
})
