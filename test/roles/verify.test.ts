import { describe, expect, it } from 'vitest'
import { requirement, role } from '../../lib/index.ts'
import site from '../../playbooks/site.ts'
import verify from '../../playbooks/verify.ts'
import { lookedAt, looksElsewhere } from '../../roles/verify/config.ts'
import { roomProblem } from '../../roles/verify/service.ts'

const names = (of: typeof site) => of.plays.flatMap((play) => play.roles.map(({ name }) => name))

const looked = lookedAt(site as never).map(({ name }) => name)

it('verify looks at whatever site makes on the nodes, but for what it has a reason', () => {
  expect(looked.length).toBeGreaterThan(10)
  const all = site.plays.flatMap(({ hosts, roles }) => (hosts === 'nodes' ? roles : []))
  const excused = Object.keys(looksElsewhere)
  expect(all.map(({ name }) => name).filter((name) => !looked.includes(name))).toEqual(
    all.map(({ name }) => name).filter((name) => excused.includes(name)),
  )
})

it('verify says why it leaves a role of site out, and none that it has not', () => {
  for (const [name, reason] of Object.entries(looksElsewhere)) {
    expect(names(site)).toContain(name)
    expect(reason).toMatch(/\.$/)
  }
  const elsewhere = names(verify as typeof site).filter((name) => names(site).includes(name))
  expect(Object.keys(looksElsewhere)).toEqual(expect.arrayContaining(elsewhere))
})

it('a new role of site is verified with nothing else edited', () => {
  const own = role('made/up', () => [requirement('something', async () => {})])
  const plays = [...site.plays, { title: 'more', hosts: 'nodes', roles: [own] }]
  expect(lookedAt({ ...site, plays } as never).map(({ name }) => name)).toEqual([
    ...looked,
    'made/up',
  ])
})

describe('the disk of the state of the service', () => {
  it('with room is right', () => {
    expect(roomProblem('4096 6000 8000 8192\n', '/state')).toEqual([])
  })

  it('that is full is told, by what is missing', () => {
    expect(roomProblem('4096 100 8000 8192\n', '/state')).toEqual([
      '/state has 409600 bytes left: locks of clients that cannot be noted there are lost at the next move',
    ])
    expect(roomProblem('1024 60000 10 8192\n', '/state')).toEqual([
      '/state has 10 of 8192 inodes left: locks of clients that cannot be noted there are lost at the next move',
    ])
  })

  it('is not believed where the answer is none', () => {
    expect(() => roomProblem('\n', '/state')).toThrow(/^\/state: expected the room that is left/)
  })
})
