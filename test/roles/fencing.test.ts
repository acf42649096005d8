import { describe, expect, it } from 'vitest'
import production from '../../inventory/production.ts'
import { type Fencing, type NodeContext, schema } from '../../inventory/schema.ts'
import { defineInventory, Secret } from '../../lib/index.ts'
import { switchProblem } from '../../roles/fencing/answers.ts'
import { peerSwitch, switchOf } from '../../roles/fencing/switch.ts'

/** The production inventory with other switches. */
function inventoryWith(M1: unknown, M2: unknown, site?: 'none') {
  const host = (name: 'M1' | 'M2', fencing: unknown) => {
    const { fencing: _, ...vars } = (production.hosts[name]?.vars ?? {}) as { fencing?: unknown }
    return { ...production.hosts[name], vars: { ...vars, ...(fencing ? { fencing } : {}) } }
  }
  return defineInventory(schema, {
    ...production,
    hosts: { M1: host('M1', M1), M2: host('M2', M2) },
    vars: { ...production.vars, ...(site && { fencing: site }) },
  } as never)
}

/** What the role of M1 is given. */
function contextOf(inventory: ReturnType<typeof inventoryWith>): NodeContext {
  const facts = (name: 'M1' | 'M2') => ({ name, vars: inventory.hosts[name]?.vars })
  return { host: facts('M1'), others: [facts('M2')], vars: inventory.vars } as never
}

const message = (action: () => unknown): string => {
  try {
    action()
  } catch (error) {
    return (error as Error).message
  }
  return 'accepted'
}

const secret = new Secret('fencing.test')
const ipmi = (address: string) => ({
  plugin: 'external/ipmi',
  address,
  user: 'admin',
  password: secret,
})
const pdu = (outlet: number) => ({
  plugin: 'external/rackpdu',
  address: '192.168.0.5',
  outlets: [outlet],
  community: secret,
})
const [one, two] = [ipmi('192.168.0.212'), ipmi('192.168.0.213')]

describe('a power switch in the inventory', () => {
  it.each([
    ['one of each node', one, two, /^accepted$/],
    ['two outlets of one PDU', pdu(1), pdu(2), /^accepted$/],
    ['another plugin on either node', one, pdu(2), /^accepted$/],
    ['without a plugin', { address: '192.168.0.212' }, two, /M1.*expected .*external\/ipmi/],
    ['with an unknown plugin', { ...one, plugin: 'external/impi' }, two, /M1.*external\/ipmi/],
    ['without a password', { ...one, password: undefined }, two, /M1.*password/],
    ['with a password in clear', { ...one, password: 'abc' }, two, /M1.*password/],
    ['with an address that is none', { ...one, address: 'bmc-1' }, two, /M1.*address/],
    ['with a user that is an option', { ...one, user: '-f x' }, two, /M1.*user/],
    [
      'with a quote in the domain',
      { plugin: 'external/libvirt', uri: 'qemu:///system', domain: "a'b" },
      two,
      /M1.*domain/,
    ],
    ['`none` for one node', 'none', two, /M1/],
  ])('%s', (_, M1, M2, wanted) => {
    expect(message(() => inventoryWith(M1, M2))).toMatch(wanted)
  })

  it.each([
    [
      'a node without any',
      undefined,
      two,
      undefined,
      /^M1: expected fencing with a plugin .* or fencing: 'none'/,
    ],
    ['both without any', undefined, undefined, undefined, /expected fencing with a plugin/],
    ['both without any, and the site says so', undefined, undefined, 'none', /^accepted$/],
    [
      'one controller for both',
      one,
      one,
      undefined,
      /^M1 and M2 both name the controller at 192.168.0.212/,
    ],
    ['one outlet for both', pdu(3), pdu(3), undefined, /outlet of its own, got 3 of 192.168.0.5/],
  ] as const)('of the pair: %s', (_, M1, M2, site, wanted) => {
    expect(message(() => peerSwitch(contextOf(inventoryWith(M1, M2, site))))).toMatch(wanted)
  })

  it('is the one of the peer, never its own', () => {
    expect(peerSwitch(contextOf(inventoryWith(one, two))).settings.switch).toBe('192.168.0.213')
  })

  it('carries no secret among its settings', () => {
    const { settings } = switchOf(pdu(1) as Fencing)
    expect(Object.keys(settings)).toEqual(['switch', 'outlets', 'oid'])
  })
})

describe('what a switch answers', () => {
  const power = switchOf({ ...ipmi('192.168.0.213'), port: 623, interface: 'lanplus' } as Fencing)
  const said = (stdout: string, stderr: string, exitCode: number) =>
    switchProblem({ stdout, stderr, exitCode }, { name: 'M1' }, 'M2', power)

  it.each([
    ['on', '', 0, undefined],
    ['off', '', 0, /^M1: the power switch of M2 .* says that M2 is off, although M2 runs/],
    ['', 'Error: Unable to establish IPMI v2 / RMCP+ session', 2, /does not answer/],
    [
      '',
      'Get Auth Capabilities error\nError issuing Get Channel Authentication Capabilities request\nError: Unable to establish IPMI v2 / RMCP+ session',
      2,
      /does not answer: expected its power status, got: Get Auth/,
    ],
    ['', 'RAKP 2 HMAC is invalid', 2, /refuses the user or the password/],
    ['', 'RAKP 2 message indicates an error : unauthorized name', 2, /refuses the user/],
    ['', '', 2, /does not answer: expected its power status, got: nothing/],
  ] as const)('%s%s', (stdout, stderr, exitCode, wanted) => {
    const problem = said(stdout, stderr, exitCode)
    if (wanted) expect(problem).toMatch(wanted)
    else expect(problem).toBeUndefined()
  })
})
