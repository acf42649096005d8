import { describe, expect, it } from 'vitest'
import literal from '../../bench/article/inventory/literal.ts'
import drills from '../../bench/article/playbooks/drills/index.ts'
import site from '../../bench/article/playbooks/site.ts'
import { resourceNames } from '../../bench/article/roles/heartbeat.ts'
import { unstartedLab } from '../../lib/index.ts'
import ourDrills from '../../playbooks/drills/index.ts'

const inventory = literal.embeddedLab(unstartedLab)
const roles = site.plays.flatMap((play) => play.roles.map(({ name }) => name))

describe('the article to the letter', () => {
  it('has the address first, and no script of ours but the one that says so', () => {
    expect(resourceNames(inventory.vars)).toEqual([
      'IPaddr2::192.168.0.219/24/em1',
      'drbddisk::drbd',
      'Filesystem::/dev/drbd0::/data::ext4',
      'article-nfs',
    ])
    expect(roles.filter((name) => /fencing|watch|compare|service|narrow/.test(name))).toEqual([])
  })

  it("keeps the distribution's NFS settings", () => {
    const { grace, lease } = inventory.vars.nfs
    expect([grace, lease, inventory.vars.heartbeat.lines]).toEqual([90, 90, ['em2']])
  })

  it('has the same drills, and what it does by itself is told of it', () => {
    expect(drills.drills).toBe(ourDrills.drills)
    const system = drills.system(drills.plan(inventory, 1))
    expect([system.recipe, system.movesBack]).toEqual(['article', true])
    const ours = ourDrills.system(ourDrills.plan(inventory, 1))
    expect([ours.recipe, ours.movesBack]).toEqual(['tandem', false])
  })
})
