import { describe, expect, it } from 'vitest'
import production from '../../inventory/production.ts'
import { withOverwrite } from '../../lib/cli/overwrite.ts'
import site from '../../playbooks/site.ts'
import verify from '../../playbooks/verify.ts'

const given = (playbook: unknown, ...words: string[]) =>
  withOverwrite(playbook as never, production as never, words)

describe('--overwrite', () => {
  it('reaches the roles of site, a host and a device each', () => {
    const { vars } = given(site, 'M1:/dev/sdb', 'M2:/dev/sdb')
    expect(vars).toMatchObject({ overwrite: ['M1:/dev/sdb', 'M2:/dev/sdb'] })
    expect(withOverwrite(site as never, production as never, undefined)).toBe(production)
  })

  it.each([
    ['/dev/sdb', 'Expected --overwrite HOST:DEVICE, such as M1:/dev/sdb, got `/dev/sdb`'],
    ['M2', 'Expected --overwrite HOST:DEVICE, such as M1:/dev/sdb, got `M2`'],
    ['M2:sdb', 'Expected --overwrite HOST:DEVICE, such as M1:/dev/sdb, got `M2:sdb`'],
    ['M3:/dev/sdb', 'Unknown host `M3`'],
  ])('refuses %s', (word, text) => {
    expect(() => given(site, word)).toThrow(text)
  })

  it('is nothing for a playbook that makes no disk', () => {
    expect(() => given(verify, 'M2:/dev/sdb')).toThrow(
      'verify takes no --overwrite: only site and its roles do',
    )
  })
})
