import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { topology } from '../../inventory/topology.ts'
import { stillGood } from '../../lib/lab/image/image.ts'
import {
  mmdebstrapArgv,
  passedAptOptions,
  recipeHash,
  writeImagePlans,
} from '../../lib/lab/image/recipe.ts'
import { aptLine, missingPackages, searchPath, tools } from '../../lib/lab/image/tools.ts'

test('names the image by its scripts, and by what the roles install', () => {
  const same = () => 'content'
  const packages = { server: ['drbd-utils', 'iproute2', 'chrony'], client: ['nfs-common'] }
  const hash = recipeHash(topology, packages, same)
  expect(hash).toMatch(/^[0-9a-f]{12}$/)
  expect(recipeHash(topology, packages, same)).toBe(hash)
  const other = (file: string) => (file === 'init.sh' ? 'other' : 'content')
  expect(recipeHash(topology, packages, other)).not.toBe(hash)
  const more = { ...packages, server: [...packages.server, 'nftables'] }
  expect(recipeHash(topology, more, same)).not.toBe(hash)
  // Neither an order nor what every machine has is a difference.
  const turned = { ...packages, server: ['chrony', 'drbd-utils'] }
  expect(recipeHash(topology, turned, same)).toBe(hash)
})

test('an image with more packages than are needed is still good', () => {
  const dir = mkdtempSync(join(tmpdir(), 'tandem-image-'))
  try {
    const packages = { server: ['drbd-utils', 'nftables'], client: [] }
    const hash = recipeHash(topology, packages)
    writeFileSync(join(dir, 'image.json'), JSON.stringify({ hash, seconds: 1, packages }))
    const good = (server: string[]) => stillGood({ dir, hash }, topology, { server, client: [] })
    expect([good(['nftables', 'drbd-utils']), good(['drbd-utils'])]).toEqual([true, true])
    expect(good(['drbd-utils', 'haproxy'])).toBe(false)
    expect(stillGood({ dir, hash: 'of-another-recipe' }, topology, packages)).toBe(false)
  } finally {
    rmSync(dir, { recursive: true })
  }
})

test('tells the recipe what each system has, and what is kept for the roles', () => {
  const folder = mkdtempSync(join(tmpdir(), 'tandem-plans-'))
  try {
    writeImagePlans(folder, topology, { server: ['nftables', 'iproute2'], client: ['nfs-common'] })
    const read = (file: string) => readFileSync(join(folder, file), 'utf8')
    expect(read('server/stored')).toBe('nftables\n')
    expect(read('server/installed')).toBe('\n')
    // The client has it from the start.
    expect(read('client/stored')).toBe('\n')
    expect(read('client/installed')).toBe('nfs-common chrony\n')
    expect(read('client/script')).toContain('local stratum')
  } finally {
    rmSync(folder, { recursive: true })
  }
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
  const hook = mmdebstrapArgv([], [], { out: "/tmp/it's", plans: '/tmp/its plans' }).find((arg) =>
    arg.startsWith('--customize'),
  )
  expect(hook).toContain(`'/tmp/it'\\''s'`)
  expect(hook).toContain(`'/tmp/its plans'`)
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
