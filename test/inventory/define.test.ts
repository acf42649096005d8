import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { UsageError } from '../../lib/core/errors.ts'
import { defineInventory } from '../../lib/inventory/index.ts'

const schema = {
  vars: z.strictObject({
    vip: z.ipv4(),
    mode: z.enum(['sync', 'async']),
    links: z.array(z.string()).min(1),
  }),
  host: z.strictObject({ disk: z.string(), weight: z.number().int().max(9).default(1) }),
}

const good = {
  name: 'test',
  production: false,
  hosts: {
    M1: { connection: { address: '127.0.0.1', port: 22, user: 'root' }, vars: { disk: '/dev/b' } },
    M2: { connection: { address: '127.0.0.1', port: 23, user: 'root' }, vars: { disk: '/dev/b' } },
  },
  groups: { nodes: ['M1', 'M2'] },
  vars: { vip: '192.168.0.219', mode: 'sync' as const, links: ['em2'] },
  timeouts: { connect: 1000, check: 1000, apply: 1000 },
}

test('types the variables, and fills in the defaults of the schema', () => {
  const inventory = defineInventory(schema, good)
  const vip: string = inventory.vars.vip
  const weight: number | undefined = inventory.hosts.M1?.vars.weight
  expect([vip, weight]).toEqual(['192.168.0.219', 1])
  // @ts-expect-error: no such variable
  expect(inventory.vars.vpi).toBeUndefined()
})

/** A change to the good inventory that does not compile, and the line it gets at run time. */
const wrong: readonly [string, () => unknown, string][] = [
  [
    'a variable of another type',
    // @ts-expect-error: a number is no address
    () => defineInventory(schema, { ...good, vars: { ...good.vars, vip: 5 } }),
    'vars.vip: expected a string, got `5` (number)',
  ],
  [
    'a word that is none of a few',
    // @ts-expect-error: no such mode
    () => defineInventory(schema, { ...good, vars: { ...good.vars, mode: 'snyc' } }),
    'vars.mode: expected one of `sync`, `async`, got `snyc` (string)',
  ],
  [
    'a variable that is missing under a misspelt name',
    () => {
      const { vip, ...vars } = good.vars
      // @ts-expect-error: vpi is not vip
      return defineInventory(schema, { ...good, vars: { ...vars, vpi: vip } })
    },
    'vars: unknown key `vpi`, did you mean `vip`?',
  ],
  [
    'a platform that nobody knows',
    () => {
      const M1 = { ...good.hosts.M1, platform: 'debian11' as const }
      // @ts-expect-error: no such platform
      return defineInventory(schema, { ...good, hosts: { ...good.hosts, M1 } })
    },
    'hosts.M1.platform: expected one of debian12, got `debian11` (string)',
  ],
  [
    "a host's variable of another type",
    () => {
      const M1 = { connection: good.hosts.M1.connection, vars: { disk: true } }
      // @ts-expect-error: a disk is a path
      return defineInventory(schema, { ...good, hosts: { ...good.hosts, M1 } })
    },
    'hosts.M1.vars.disk: expected a string, got `true` (boolean)',
  ],
  [
    'a port that is none',
    () => {
      const connection = { ...good.hosts.M1.connection, port: 'abc' }
      const M1 = { connection, vars: { disk: 'x' } }
      // @ts-expect-error: a port is a number
      return defineInventory(schema, { ...good, hosts: { M1 }, groups: {} })
    },
    'hosts.M1.connection.port: expected an integer 1–65535, got `abc` (string)',
  ],
  [
    'time-outs that are missing',
    () => {
      const { timeouts: _, ...rest } = good
      // @ts-expect-error: time-outs are needed
      return defineInventory(schema, rest)
    },
    'timeouts: expected an object, got nothing',
  ],
]

describe('defineInventory', () => {
  test.for(wrong)('refuses %s', ([, define, line]) => {
    expect(define).toThrow(UsageError)
    expect(define).toThrow(line)
  })

  test('refuses values that types cannot tell', () => {
    const vars = { ...good.vars, vip: '192.168.0.300', links: [] }
    expect(() => defineInventory(schema, { ...good, vars })).toThrow(
      'vars.vip: expected a valid ipv4, got `192.168.0.300` (string)\n' +
        'vars.links: expected at least one entry, got a list of 0',
    )
  })

  test('shows the values that a rule over several of them speaks of', () => {
    const vars = z
      .object({ warntime: z.number(), deadtime: z.number(), name: z.string() })
      .refine((beat) => beat.warntime < beat.deadtime, { error: 'Expected warntime < deadtime' })
    const beat = { warntime: 60, deadtime: 10, name: 'x' }
    expect(() => defineInventory({ ...schema, vars }, { ...good, vars: beat })).toThrow(
      /^vars: expected warntime < deadtime, got warntime 60, deadtime 10$/,
    )
  })

  test('refuses a lock that is nowhere', () => {
    expect(() => defineInventory(schema, { ...good, lockPath: 'lock' })).toThrow(
      'lockPath: expected an absolute path, got `lock` (string)',
    )
  })

  test('refuses groups that name hosts that are not there', () => {
    expect(() => defineInventory(schema, { ...good, groups: { nodes: ['M1', 'M3'] } })).toThrow(
      'groups.nodes[1]: expected one of the hosts M1, M2, got `M3`',
    )
    expect(() => defineInventory(schema, { ...good, groups: { all: ['M1'] } })).toThrow(
      'groups.all',
    )
    expect(() => defineInventory(schema, { ...good, hosts: {}, groups: {} })).toThrow(
      'hosts: expected at least one host',
    )
  })

  test('tells at most five lines', () => {
    const hosts = Object.fromEntries(
      Array.from({ length: 9 }, (_, index) => [
        `M${index}`,
        { connection: { address: '127.0.0.1', port: 0, user: 'root' }, vars: { disk: 'x' } },
      ]),
    )
    let text = ''
    try {
      defineInventory(schema, { ...good, hosts, groups: {} })
    } catch (error) {
      text = (error as Error).message
    }
    expect(text.split('\n')).toHaveLength(5)
    expect(text).toMatch(/\nand 5 more problems$/)
  })
})

test('keeps what is said of a platform, host by host', () => {
  const M2 = { ...good.hosts.M2, platform: 'debian12' as const }
  const { hosts } = defineInventory(schema, { ...good, hosts: { ...good.hosts, M2 } })
  expect([hosts.M1?.platform, hosts.M2?.platform]).toEqual([undefined, 'debian12'])
})
