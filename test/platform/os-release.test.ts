import { existsSync, readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { Refusal } from '../../lib/core/errors.ts'
import { debian12, parseOsRelease, platformIs } from '../../lib/platform/index.ts'
import { here } from '../resources/host.ts'

describe('platformIs', () => {
  test('reads quoted and plain fields', () => {
    const text = `PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\nVERSION_ID="12"\nID=debian\n# x\nA='b'\n`
    const release = parseOsRelease(text)
    const PRETTY_NAME = 'Debian GNU/Linux 12 (bookworm)'
    expect(release).toEqual({ PRETTY_NAME, VERSION_ID: '12', ID: 'debian', A: 'b' })
    expect(debian12.recognises(release)).toBe(true)
  })

  test('tells Debian 12 from 11 and from its derivatives', () => {
    expect(debian12.recognises({ ID: 'debian', VERSION_ID: '11' })).toBe(false)
    expect(debian12.recognises({ ID: 'ubuntu', ID_LIKE: 'debian', VERSION_ID: '12' })).toBe(false)
    expect(debian12.recognises({})).toBe(false)
  })

  test.skipIf(!existsSync('/etc/os-release'))('accepts or refuses this very machine', async () => {
    const check = platformIs('debian12').check(here())
    const release = parseOsRelease(readFileSync('/etc/os-release', 'utf8'))
    if (debian12.recognises(release)) await expect(check).resolves.toBeUndefined()
    else await expect(check).rejects.toThrow(Refusal)
  })
})
