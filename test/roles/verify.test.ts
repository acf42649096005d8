import { expect, it } from 'vitest'
import site from '../../playbooks/site.ts'
import verify from '../../playbooks/verify.ts'
import { looksElsewhere, roles } from '../../roles/verify/config.ts'

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
