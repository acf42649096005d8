import { expect, test } from 'vitest'
import { topology } from '../../inventory/topology.ts'
import { labFiles, labPaths } from '../../lib/lab/model/lab-options.ts'
import { bmcName, cable } from '../../lib/lab/model/topology.ts'

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

test('takes no file for a folder', () => {
  expect(() => labPaths({ TANDEM_LAB_DIR: process.execPath })).toThrow(
    `Expected TANDEM_LAB_DIR to name a folder, got the file ${process.execPath}`,
  )
})

test.each(['/s', `/${'very-long-folder/'.repeat(8)}state`])(
  'keeps socket paths short enough for the kernel below %s',
  (stateDir) => {
    const files = labFiles({ stateDir, topology }, 4_294_967_294)
    const sockets = topology.machines.flatMap(({ name, cards }) => [
      ...cards.map((card) => files.link(cable(name, card.name))),
      files.qmp(name),
      files.qmp(bmcName(name)),
      files.bmcQmp(name),
    ])
    expect(sockets.length).toBeGreaterThan(15)
    for (const path of [...sockets, files.qmp('switch'), files.control('switch')])
      expect(Buffer.byteLength(path)).toBeLessThan(108)
  },
)

test('keeps labs apart that share the short folder', () => {
  const long = '/x'.repeat(80)
  const runDir = (stateDir: string) => labFiles({ stateDir, topology }, 0).runDir
  expect(runDir(`${long}1`)).not.toBe(runDir(`${long}2`))
})
