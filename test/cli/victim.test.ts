import { expect, it } from 'vitest'
import production from '../../inventory/production.ts'
import { withVictim } from '../../lib/cli/victim.ts'
import recover from '../../playbooks/recover-split-brain.ts'
import site from '../../playbooks/site.ts'

const message = (action: () => unknown): string => {
  try {
    action()
  } catch (error) {
    return (error as Error).message
  }
  return 'accepted'
}

it.each([
  [recover, undefined, /^Expected --victim with the node .* one of M1, M2/],
  [recover, 'M3', /^Unknown node `M3`, did you mean `M1`\? There are: M1, M2$/],
  [recover, 'M2', /^accepted$/],
  [site, undefined, /^accepted$/],
  [site, 'M2', /^site takes no --victim/],
] as const)('%o with --victim %s', (playbook, victim, wanted) => {
  expect(message(() => withVictim(playbook as never, production, victim))).toMatch(wanted)
})

it('gives the name to the roles, and nothing else', () => {
  const { vars } = withVictim(recover as never, production, 'M2')
  expect(vars).toEqual({ ...production.vars, victim: 'M2' })
})
