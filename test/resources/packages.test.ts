import { spawnSync } from 'node:child_process'
import { describe, expect, test } from 'vitest'
import { UsageError } from '../../lib/core/errors.ts'
import { packages } from '../../lib/resources/index.ts'
import { here } from './host.ts'

const dpkg = spawnSync('dpkg-query', ['-W', 'dpkg']).status === 0

describe('packages', () => {
  test.skipIf(!dpkg)('finds what this machine has and lacks, with one question', async () => {
    const host = here()
    expect(await packages(['dpkg', 'base-files']).check(host)).toBeUndefined()
    expect(await packages(['dpkg', 'no-such-package-1', 'nor-this.2+3']).check(host)).toMatchObject(
      {
        summary: 'not installed: no-such-package-1, nor-this.2+3',
        names: ['no-such-package-1', 'nor-this.2+3'],
      },
    )
    expect(host.asked).toHaveLength(2)
  })

  test('need nothing where the list is empty', async () => {
    const host = here()
    expect(await packages([]).check(host)).toBeUndefined()
    expect(host.asked).toHaveLength(0)
  })

  for (const name of ['', 'Heartbeat', 'a b', '-y', 'x=1', 'x;reboot']) {
    test(`refuse ${JSON.stringify(name)} as a name before any connection`, () => {
      expect(() => packages([name])).toThrow(UsageError)
    })
  }
})
