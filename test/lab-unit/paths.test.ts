import { expect, test } from 'vitest'
import { labFiles, labPaths } from '../../lib/lab/options.ts'
import { links, machines } from '../../lib/lab/plan.ts'

test.each([
  [{ HOME: '/home/a' }, '/home/a/.cache/tandem/lab', '/home/a/.local/state/tandem/lab'],
  [
    { HOME: '/home/a', XDG_CACHE_HOME: '/c', XDG_STATE_HOME: '/s' },
    '/c/tandem/lab',
    '/s/tandem/lab',
  ],
  [{ HOME: '/home/a', XDG_CACHE_HOME: '/c', TANDEM_LAB_DIR: '/l' }, '/l/cache', '/l/state'],
])('finds its folders outside the checkout: %o', (env, cacheDir, stateDir) => {
  expect(labPaths(env)).toEqual({ cacheDir, stateDir })
})

test.each(['/s', `/${'very-long-folder/'.repeat(8)}state`])(
  'keeps socket paths short enough for the kernel below %s',
  (stateDir) => {
    const files = labFiles(stateDir, 4_294_967_294)
    const cables = machines.flatMap((name) => links.map((link) => files.link(`${name}.${link}`)))
    const control = [files.qmp('switch'), files.control('switch'), files.bmcQmp('M1')]
    for (const path of [...cables.filter((c) => c.length < 300), ...control])
      expect(Buffer.byteLength(path)).toBeLessThan(108)
  },
)

test('keeps labs apart that share the short folder', () => {
  const long = '/x'.repeat(80)
  expect(labFiles(`${long}1`, 0).runDir).not.toBe(labFiles(`${long}2`, 0).runDir)
})
