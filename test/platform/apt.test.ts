import { execFileSync, spawn } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { packages } from '../../lib/resources/index.ts'
import ntp from '../../roles/base/ntp.ts'
import { converge, here } from '../resources/host.ts'

vi.setConfig({ testTimeout: 60_000 })
const able = process.getuid?.() === 0 && ['apt-get', 'dpkg-deb'].every((name) => has(name))
let root = ''

function has(program: string): boolean {
  try {
    return execFileSync('sh', ['-c', `command -v ${program}`]).length > 0
  } catch {
    return false
  }
}

/** A package without files, as an entry of the repository. */
function built(name: string, more = '', configured = ''): string {
  const folder = join(root, 'build', name)
  mkdirSync(join(folder, 'DEBIAN'), { recursive: true })
  const control = `Package: ${name}\nVersion: 1\nArchitecture: all\nMaintainer: x <x@example.org>\n${more}Description: x\n`
  writeFileSync(join(folder, 'DEBIAN/control'), control)
  if (configured) {
    writeFileSync(join(folder, 'DEBIAN/postinst'), `#!/bin/sh\n${configured}\n`, { mode: 0o755 })
  }
  const file = join(root, 'repository', `${name}.deb`)
  execFileSync('dpkg-deb', ['-b', folder, file], { stdio: 'ignore' })
  const [sum, size] = [`sha256sum ${file}`, `stat -c %s ${file}`].map(
    (line) => execFileSync('sh', ['-c', line], { encoding: 'utf8' }).trim().split(' ')[0],
  )
  return `${control}Filename: ./${name}.deb\nSize: ${size}\nSHA256: ${sum}\n`
}

/** dpkg and APT of this machine, with a database, lists and a repository of their own. */
beforeAll(() => {
  if (!able) return
  root = mkdtempSync(join(tmpdir(), 'tandem-apt-'))
  const folders =
    'repository etc/apt/apt.conf.d var/lib/apt/lists/partial var/cache/apt/archives/partial var/lib/dpkg/updates var/lib/dpkg/info var/log/apt'
  for (const folder of folders.split(' ')) mkdirSync(join(root, folder), { recursive: true })
  for (const file of ['status', 'available']) writeFileSync(join(root, 'var/lib/dpkg', file), '')
  const list = [
    built('one'),
    built('two'),
    built('old'),
    built('daemon', '', `echo configured >>${root}/order`),
    built('new', 'Conflicts: old\n'),
    built('real', 'Provides: virtual\n'),
  ]
  writeFileSync(join(root, 'repository/Packages'), list.join('\n'))
  writeFileSync(
    join(root, 'etc/apt/sources.list'),
    `deb [trusted=yes] file:${root}/repository ./\n`,
  )
  const config = join(root, 'apt.conf')
  writeFileSync(
    config,
    `Dir "${root}";\nDir::Bin::methods "/usr/lib/apt/methods";\nDPkg::Options {"--root=${root}";"--force-not-root";"--log=/dev/null";};\n`,
  )
  vi.stubEnv('APT_CONFIG', config)
  vi.stubEnv('DPKG_ADMINDIR', join(root, 'var/lib/dpkg'))
  execFileSync('apt-get', ['update', '-q'], { stdio: 'ignore' })
})
afterAll(() => {
  vi.unstubAllEnvs()
  if (root) rmSync(root, { recursive: true, force: true })
})

/** Holds one of APT's locks as APT does, for so many seconds. */
async function holding(lock: string, seconds: number): Promise<void> {
  // Perl packs the kernel's struct flock: type, whence, start, length, process.
  const script = `use Fcntl; open my $f, '>', $ARGV[0] or die $!; my $l = pack 's s x4 q q l x4', F_WRLCK, 0, 0, 0, 0;
    fcntl($f, F_SETLK, $l) or die $!; $| = 1; print "held"; sleep $ARGV[1]`
  const child = spawn('perl', ['-e', script, join(root, lock), String(seconds)])
  await new Promise((held, fail) => child.once('exit', fail).stdout.once('data', held))
}

const stated = (name: string) =>
  execFileSync('sh', ['-c', `dpkg-query -W -f '\${db:Status-Status}' ${name} 2>/dev/null || :`], {
    encoding: 'utf8',
  })

test.runIf(able)('leaves no trace where it only looks', async () => {
  const caches = ['pkgcache.bin', 'srcpkgcache.bin'].map((name) =>
    join(root, 'var/cache/apt', name),
  )
  for (const cache of caches) rmSync(cache, { force: true })
  const task = packages(['real'])
  const found = await task.check(here())
  expect(await task.foresee?.(here(), found, new Set())).toBe(found)
  expect(caches.filter((cache) => existsSync(cache))).toEqual([])
})

test.runIf(able)('installs what is missing, and then finds nothing to do', async () => {
  expect((await converge(packages(['one', 'two'])))?.summary).toBe('not installed: one, two')
  expect(await packages(['one', 'two']).check(here())).toBeUndefined()
})

test.runIf(able)('refuses an installation that removes something, and says so before', async () => {
  await converge(packages(['old']))
  const task = packages(['new'])
  const sentence = 'Installing new would remove old: remove that yourself, or name it in `replaces`'
  const found = await task.check(here())
  expect(found?.summary).toBe('not installed: new')
  await expect(task.foresee?.(here(), found, new Set())).rejects.toThrow(sentence)
  await expect(converge(task)).rejects.toThrow(sentence)
  expect([stated('old'), stated('new')]).toEqual(['installed', ''])
  await converge(packages(['new'], { replaces: ['old'] }))
  expect([stated('old'), stated('new')]).toEqual(['not-installed', 'installed'])
})

test.runIf(able)('takes chrony in the place of the time client that Debian brings', async () => {
  // With the lists and packages of this machine itself.
  vi.stubEnv('APT_CONFIG', '')
  vi.stubEnv('DPKG_ADMINDIR', '/var/lib/dpkg')
  const [chrony] = ntp.tasks({ host: {}, others: [], vars: { ntp: { servers: ['x'] } } } as never)
  expect(chrony?.title).toBe('packages chrony')
  await chrony?.foresee?.(here(), { summary: '', names: ['chrony'] } as never, new Set())
  vi.stubEnv('APT_CONFIG', join(root, 'apt.conf'))
  vi.stubEnv('DPKG_ADMINDIR', join(root, 'var/lib/dpkg'))
})

test.runIf(able)(
  'refuses a name that only others provide, before and after one is there',
  async () => {
    const sentence = 'virtual is no package but a name for what others provide, and apt-get '
    await expect(converge(packages(['virtual']))).rejects.toThrow(
      `${sentence}would install real instead`,
    )
    expect(stated('real')).toBe('')
    await converge(packages(['real']))
    await expect(converge(packages(['virtual']))).rejects.toThrow(
      `${sentence}finds one of them installed`,
    )
  },
)

test.runIf(able).each(['var/lib/dpkg/lock-frontend', 'var/cache/apt/archives/lock'])(
  'waits while another process holds %s, and says so',
  async (lock) => {
    execFileSync('dpkg', [`--root=${root}`, '--force-not-root', '--log=/dev/null', '-P', 'two'], {
      stdio: 'ignore',
    })
    await holding(lock, 3)
    const host = here()
    await converge(packages(['two']), host)
    expect(stated('two')).toBe('installed')
    if (lock.endsWith('archives/lock')) {
      expect(host.told.map(({ text }) => text).join()).toMatch(/waits: .*archives\/lock is held by/)
    }
  },
)

test.runIf(able)('waits for the lock of the package lists', async () => {
  execFileSync('dpkg', [`--root=${root}`, '--force-not-root', '--log=/dev/null', '-P', 'two'], {
    stdio: 'ignore',
  })
  rmSync(join(root, 'var/lib/apt/lists'), { recursive: true })
  mkdirSync(join(root, 'var/lib/apt/lists/partial'), { recursive: true })
  for (const name of ['pkgcache.bin', 'srcpkgcache.bin'])
    rmSync(join(root, 'var/cache/apt', name), { force: true })
  await holding('var/lib/apt/lists/lock', 3)
  const host = here()
  await converge(packages(['two']), host)
  expect(host.told.map(({ text }) => text).join()).toMatch(/waits: .*lists\/lock is held by/)
})

test.runIf(able)(
  'lets no unit start that an interrupted installation left to be configured',
  async () => {
    // A systemctl that only says when it was asked: the machine's own units stay as they are.
    mkdirSync(join(root, 'bin'))
    writeFileSync(join(root, 'bin/systemctl'), `#!/bin/sh\necho "$1" >>${root}/order\n`, {
      mode: 0o755,
    })
    const { PATH } = process.env
    vi.stubEnv('PATH', `${root}/bin:${PATH}`)
    const words = [`--root=${root}`, '--force-not-root', '--log=/dev/null', '--unpack']
    execFileSync('dpkg', [...words, join(root, 'repository/daemon.deb')], { stdio: 'ignore' })
    await converge(packages(['daemon'], { noStart: ['daemon'] }))
    vi.stubEnv('PATH', PATH ?? '')
    expect(readFileSync(join(root, 'order'), 'utf8')).toBe('mask\nconfigured\n')
  },
)

test.runIf(able)('waits for a dpkg that works where an installation was interrupted', async () => {
  execFileSync(
    'dpkg',
    [
      `--root=${root}`,
      '--force-not-root',
      '--log=/dev/null',
      '--unpack',
      join(root, 'repository/one.deb'),
    ],
    { stdio: 'ignore' },
  )
  expect(stated('one')).toBe('unpacked')
  await holding('var/lib/dpkg/lock-frontend', 3)
  const host = here()
  await converge(packages(['one']), host)
  expect(host.told.map(({ text }) => text).join()).toMatch(/waits: dpkg is in use by/)
  expect(stated('one')).toBe('installed')
})
