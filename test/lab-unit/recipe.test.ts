import { expect, test } from 'vitest'
import { mmdebstrapArgv, passedAptOptions, recipeHash } from '../../lib/lab/recipe.ts'
import { aptLine, missingPackages, searchPath, tools } from '../../lib/lab/tools.ts'

test('names the image by the content of its scripts', () => {
  const same = () => 'content'
  expect(recipeHash(same)).toBe(recipeHash(same))
  expect(recipeHash(same)).toMatch(/^[0-9a-f]{12}$/)
  expect(recipeHash((file) => (file === 'init.sh' ? 'other' : 'content'))).not.toBe(
    recipeHash(same),
  )
})

test('passes on how to reach the archive and nothing else', () => {
  const dump = `APT "";
Acquire::http::Proxy "http://proxy.invalid:3128";
Acquire::http::Dl-Limit "";
Acquire::Check-Valid-Until "false";
DPkg::Post-Invoke:: "rm -rf /";
`
  expect(passedAptOptions(dump)).toEqual([
    'Acquire::http::Proxy "http://proxy.invalid:3128";',
    'Acquire::Check-Valid-Until "false";',
  ])
})

test('quotes the folders of the build for the hook', () => {
  const hook = mmdebstrapArgv([], [], "/tmp/it's").find((arg) => arg.startsWith('--customize'))
  expect(hook).toContain(`'/tmp/it'\\''s'`)
})

test('names every missing package once, in one line that can be pasted', () => {
  const missing = missingPackages('/nowhere')
  expect(missing).toEqual([...new Set(Object.values(tools))])
  expect(aptLine(['a', 'b'])).toBe('apt-get install -y --no-install-recommends a b')
})

test('looks for programs of the system even where the user path lacks their folders', () => {
  expect(searchPath({ PATH: '/home/a/bin:/usr/bin' }).split(':')).toEqual([
    ...[
      '/home/a/bin',
      '/usr/bin',
      '/usr/local/sbin',
      '/usr/local/bin',
      '/usr/sbin',
      '/sbin',
      '/bin',
    ],
  ])
})
