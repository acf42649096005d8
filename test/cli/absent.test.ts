import { PassThrough } from 'node:stream'
import { describe, expect, it } from 'vitest'
import production from '../../inventory/production.ts'
import type { Context } from '../../lib/cli/common/context.ts'
import { typed, withAbsent, without } from '../../lib/cli/play/absent-host.ts'
import confirmOff from '../../playbooks/confirm-off.ts'
import site from '../../playbooks/site.ts'

const message = async (action: () => unknown): Promise<string> => {
  try {
    await action()
  } catch (error) {
    return (error as Error).message
  }
  return 'accepted'
}

it.each([
  [confirmOff, undefined, /^Expected the host that is off: npm run play confirm-off M1 or .* M2$/],
  [confirmOff, 'M3', /^Unknown host `M3`; there are: M1, M2$/],
  [confirmOff, 'M2', /^accepted$/],
  [site, undefined, /^accepted$/],
  [site, 'M2', /^Expected one playbook or role, got `site` and `M2`$/],
] as const)('%o with the word %s', async (playbook, word, wanted) => {
  expect(await message(() => withAbsent(playbook as never, production, word))).toMatch(wanted)
})

it('gives the name to the roles, and leaves the host out', () => {
  const inventory = withAbsent(confirmOff as never, production, 'M2')
  expect(inventory.vars).toEqual({ ...production.vars, absent: 'M2' })
  const one = without('M2', confirmOff as never, production, {})
  expect(one.limit).toEqual(['M1'])
  const none = without('M2', confirmOff as never, production, { limit: ['M2'] })
  expect(none.limit).toEqual([])
})

it('refuses a confirmation that nobody asked for', async () => {
  const said = await message(() => withAbsent(site as never, production, undefined, 'M2'))
  expect(said).toBe('site asks for no confirmation, got --confirm M2')
})

describe('the name is typed once more', () => {
  const context = { stdout: Object.assign(new PassThrough(), { isTTY: false }) }
  it.each([
    ['M2', /^accepted$/],
    ['M1', /^Expected --confirm M2, got --confirm M1$/],
    [undefined, /^You say that M2 has no power\. .* or add: --confirm M2$/],
  ] as const)('--confirm %s', async (confirm, wanted) => {
    const said = await message(() => typed('M2', confirm, context as unknown as Context))
    expect(said).toMatch(wanted)
  })
})
