import { expect, test } from 'vitest'
import { type Inventory, select } from '../../lib/inventory/index.ts'

const connection = { address: '127.0.0.1', port: 22, user: 'root' }
const inventory: Inventory = {
  name: 'lab',
  production: false,
  hosts: {
    M1: { connection, vars: {} },
    M2: { connection, vars: {} },
    C1: { connection, vars: {} },
  },
  groups: { nodes: ['M1', 'M2'], clients: ['C1'] },
  vars: {},
  timeouts: { connect: 1000, check: 1000, apply: 1000 },
}

test.for([
  [['M2'], ['M2']],
  [['C1,M1'], ['M1', 'C1']],
  [['nodes'], ['M1', 'M2']],
  [['nodes', '!M1'], ['M2']],
  [['!nodes'], ['C1']],
  [['all,!clients'], ['M1', 'M2']],
  [
    ['nodes', 'M1'],
    ['M1', 'M2'],
  ],
  [['M2,'], ['M2']],
  [[' M2 , C1 '], ['M2', 'C1']],
] as const)('--limit %j is %j', ([limit, hosts]) => {
  expect(select(inventory, limit)).toEqual(hosts)
})

test('a name that does not exist is told with those that do', () => {
  expect(() => select(inventory, ['node'])).toThrow(
    'Unknown host or group `node`, did you mean `nodes`? There are: M1, M2, C1, nodes, clients, all',
  )
  expect(() => select(inventory, ['toString'])).toThrow('Unknown host or group `toString`')
  expect(() => select(inventory, ['M1 M2'])).toThrow('Unknown host or group `M1 M2`')
})

test('a limit that leaves nobody is refused: nothing must not mean everything', () => {
  expect(() => select(inventory, ['M1,!nodes'])).toThrow('--limit M1,!nodes leaves no host')
  expect(() => select(inventory, [''])).toThrow('leaves no host')
})
