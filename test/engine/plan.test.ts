import { expect, test } from 'vitest'
import { plan } from '../../lib/engine/plan.ts'
import { file, type Inventory, playbook, role } from '../../lib/index.ts'

const connection = { address: '127.0.0.1', user: 'root' }
const inventory = {
  name: 'test',
  production: false,
  hosts: {
    M1: { connection, vars: {} },
    M2: { connection, vars: {} },
    C1: { connection, vars: {} },
  },
  groups: { nodes: ['M1', 'M2'] },
  vars: {},
  timeouts: { connect: 1000, check: 1000, apply: 1000 },
} as unknown as Inventory

const planned = (onlyOn: string) => {
  const roles = [role('x', () => [file('/x', '', { onlyOn })])]
  const plays = [{ title: 'x', hosts: 'nodes', roles }]
  return plan(playbook({ name: 'x', description: 'for the tests', plays }), inventory)
}

test('a task for one host names a host of its play', () => {
  expect(planned('M2')[0]?.hosts.map(({ tasks }) => tasks.length)).toEqual([1, 1])
})

test.each(['M9', 'm2', 'C1'])('a task for %s, which the play has not, is refused', (name) => {
  expect(() => planned(name)).toThrow(
    `role x, task \`file /x\`: expected onlyOn to be a host of the play (M1, M2), got ${name}`,
  )
})
