import { describe, expect, it } from 'vitest'
import site from '../../playbooks/site.ts'
import verify from '../../playbooks/verify.ts'
import { looksElsewhere, roles } from '../../roles/verify/config.ts'
import { roomProblem } from '../../roles/verify/service.ts'

const names = (of: typeof site) => of.plays.flatMap((play) => play.roles.map(({ name }) => name))

it('verify looks at what every role of site makes, or says why not', () => {
  const seen = new Set([
    ...names(verify as typeof site),
    ...roles.map(({ name }) => name),
    ...Object.keys(looksElsewhere),
  ])
  expect(names(site).filter((name) => !seen.has(name))).toEqual([])
})

it('nothing is excused that verify looks at, or that site does not have', () => {
  const looked = [...names(verify as typeof site), ...roles.map(({ name }) => name)]
  for (const [name, reason] of Object.entries(looksElsewhere)) {
    expect(looked).not.toContain(name)
    expect(names(site)).toContain(name)
    expect(reason).toMatch(/\.$/)
  }
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
