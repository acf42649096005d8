import { expect, it } from 'vitest'
import type { z } from 'zod'
import production from '../inventory/production.ts'
import { type NodeContext, type Site, schema, type vars } from '../inventory/schema.ts'
import { change, defineInventory, role, task, templates } from '../lib/index.ts'

// What must not compile: `npm run typecheck` fails when one of these lines does.
const misuse = () => {
  role('r', ({ vars: site }: NodeContext) => {
    // @ts-expect-error a mistyped variable
    site.drbd.resorce
    return []
  })
  const template = templates(import.meta.dirname)
  // @ts-expect-error a template without a destination
  template('ha.cf')
  // @ts-expect-error a task without a check
  task('t', { apply: async () => {} })
  task('t', {
    // @ts-expect-error a check may not change anything: it has no zx shell
    check: async ({ sh }) => void (await sh`rm -rf /`),
    apply: async () => {},
  })
  task('t', {
    check: async () => change('x'),
    // @ts-expect-error apply is given the change that check found
    apply: async (_, { nothing }) => void nothing,
  })
  const wrong: z.input<typeof vars> = {
    ...production.vars,
    // @ts-expect-error not an address
    vip: { device: 'em1', address: '192.168.0', prefix: 24 },
    // @ts-expect-error a secret is never a literal
    heartbeat: { ...production.vars.heartbeat, key: 'hunter2hunter2' },
  }
  return wrong
}

function refusal(change: (site: Site) => object): string {
  try {
    defineInventory(schema, { ...production, vars: change(production.vars) as Site })
  } catch (error) {
    return (error as Error).message
  }
  return 'accepted'
}

it.each([
  [
    (site: Site) => ({ ...site, vip: { ...site.vip, address: '192.168.0.999' } }),
    /vars\.vip\.address: expected an IPv4 address such as 192\.168\.0\.210, got `192\.168\.0\.999`/,
  ],
  [
    (site: Site) => ({ ...site, drbd: { ...site.drbd, port: 99_999 } }),
    /vars\.drbd\.port: expected at most 65535, got `99999`/,
  ],
  [
    (site: Site) => ({ ...site, drbd: { ...site.drbd, disk: 'sdb' } }),
    /vars\.drbd\.disk: expected an absolute path/,
  ],
  [
    (site: Site) => ({ ...site, heartbeat: { ...site.heartbeat, initdead: 11 } }),
    /vars\.heartbeat\.initdead: expected initdead to be at least twice deadtime/,
  ],
  [
    (site: Site) => ({ ...site, nfs: { ...site.nfs, clients: '192.168.0.0/64' } }),
    /vars\.nfs\.clients: expected a network such as 192\.168\.0\.0\/24/,
  ],
  [
    (site: Site) => ({ ...site, client: { ...site.client, version: '3' } }),
    /vars\.client\.version: expected 4\.1 or 4\.2, or nfs\.legacyClients: true/,
  ],
  [
    (site: Site) => ({ ...site, nfs: { ...site.nfs, options: ['rw', 'async'] } }),
    /vars\.nfs\.options\[1\]: expected `sync`: with `async` a take-over loses writes that clients were told are safe, got `async`/,
  ],
  [
    (site: Site) => ({ ...site, client: { ...site.client, options: ['soft'] } }),
    /vars\.client\.options\[0\]: expected no `soft` or `softerr`: programs would take a take-over for I\/O errors, got `soft`/,
  ],
  [
    (site: Site) => ({ ...site, heartbeat: { ...site.heartbeat, key: 'literal-key' } }),
    /vars\.heartbeat\.key: expected secret\('name'\), never a literal/,
  ],
])('a wrong value is refused as the inventory is loaded, with its path (%#)', (broken, message) => {
  expect(refusal(broken)).toMatch(message)
})

it('never quotes a literal that stands where a secret belongs', () => {
  const text = refusal((site) => ({
    ...site,
    heartbeat: { ...site.heartbeat, key: 'literal-key' },
  }))
  expect(text).not.toContain('literal-key')
})

it('has misuse to compile, or not', () => {
  expect(misuse).toBeInstanceOf(Function)
})

it('accepts the inventory it ships', () => {
  expect(refusal((site) => site)).toBe('accepted')
})
