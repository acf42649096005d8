import { expect, it } from 'vitest'
import { onlyRole } from '../../lib/cli/playbooks/catalogue.ts'
import { playbook, role } from '../../lib/index.ts'

const roles = [
  role('preflight', () => []),
  role('disk', () => []),
  role('cluster/configure', () => []),
  role('restart', () => [], { broughtBy: ['cluster'] }),
  role('scripts', () => [], { broughtBy: ['watch/script'] }),
  role('watch/script', () => []),
]
const site = playbook({
  name: 'site',
  description: 'all',
  plays: [{ title: 'all', hosts: 'nodes', roles }],
})

it.each([
  ['disk', ['preflight', 'disk']],
  ['cluster', ['preflight', 'cluster/configure', 'restart']],
  ['cluster/configure', ['preflight', 'cluster/configure', 'restart']],
  ['watch', ['preflight', 'scripts', 'watch/script']],
  ['watch/script', ['preflight', 'scripts', 'watch/script']],
  ['restart', ['preflight', 'restart']],
])('%s alone is played with what makes it take effect, in the order of site', (name, wanted) => {
  const played = onlyRole(site as never, name)
  expect(played?.plays.flatMap((play) => play.roles.map((one) => one.name))).toEqual(wanted)
})

it('a name that is no role is none', () => {
  expect(onlyRole(site as never, 'clust')).toBeUndefined()
})
