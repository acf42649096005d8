import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { mkdir, rm, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, type TestContext, test } from 'vitest'
import { mount } from '../../lib/resources/index.ts'
import { fstabWith } from '../../lib/resources/mount.ts'
import { fstabLine, lackingOptions, parseMounts } from '../../lib/resources/shared/mount-table.ts'
import { converge, here, inDirectory, me } from './host.ts'

const proc = parseMounts(readFileSync('/proc/self/mounts', 'utf8')).findLast(
  ({ path }) => path === '/proc',
)

describe('mount', () => {
  test.skipIf(!proc)('finds what this machine has mounted, with one question', async () => {
    if (!proc) return
    const host = here()
    const { source, fstype } = proc
    expect(await mount(source, '/proc', { fstype }).check(host)).toBeUndefined()
    expect(host.asked).toHaveLength(1)
    const options = ['context=nobody_has_this']
    expect(await mount(source, '/proc', { fstype, options }).check(host)).toMatchObject({
      summary: 'mounted without context=nobody_has_this',
      step: 'remount',
    })
  })

  test.skipIf(!proc)('refuses another source or type', async () => {
    const other = mount('/dev/drbd0', '/proc', { fstype: 'ext4' })
    await expect(other.check(here())).rejects.toThrow('Expected /dev/drbd0 on /proc, got')
    const type = mount(proc?.source ?? '', '/proc', { fstype: 'ext4' })
    await expect(type.check(here())).rejects.toThrow('Expected /proc to be ext4, got')
  })

  test('would mount on an empty or missing directory, and never hide files', () =>
    inDirectory(async (dir) => {
      const path = join(dir, `it's here`)
      const task = mount('server:/data', path, { fstype: 'nfs' })
      expect(await task.check(here())).toMatchObject({ summary: 'not mounted', step: 'mount' })
      await mkdir(path)
      expect(await task.check(here())).toMatchObject({ summary: 'not mounted' })
      for (const name of ['.hidden', '..too', 'file']) {
        await writeFile(join(path, name), '')
        await expect(task.check(here())).rejects.toThrow(`Expected ${path} to be empty before`)
        await rm(join(path, name))
      }
    }))
})

/** Mounts made by a test end with it, whatever happens. */
const mounting = (body: (dir: string) => Promise<void>) => async (context: TestContext) => {
  if (me.owner !== '0') context.skip('only root can mount')
  await inDirectory(async (dir) => {
    try {
      await body(dir)
    } finally {
      const made = parseMounts(readFileSync('/proc/self/mounts', 'utf8'))
      for (const { path } of made.reverse()) {
        if (path.startsWith(dir)) execFileSync('umount', ['-l', path])
      }
    }
  })
}

describe('mount, for real', () => {
  const options = ['size=1%']

  test(
    'a bind mount is known by what it shows',
    mounting(async (dir) => {
      const [real, view, other] = ['real', 'view', 'other'].map((name) => join(dir, name)) as [
        string,
        string,
        string,
      ]
      for (const path of [real, view, other]) await mkdir(path)
      const bind = (source: string, more: string[] = []) =>
        mount(source, view, { fstype: 'none', options: ['bind', ...more] })
      expect((await converge(bind(real)))?.summary).toBe('not mounted')
      expect(await converge(bind(real))).toBeUndefined()
      await expect(bind(other).check(here())).rejects.toThrow(
        `Expected ${other} on ${view}, got something else`,
      )
      expect((await converge(bind(real, ['ro'])))?.summary).toBe('mounted without ro')
      await expect(writeFile(join(view, 'x'), '')).rejects.toThrow('EROFS')
      await writeFile(join(real, 'x'), '')
    }),
  )

  test(
    'a part of the memory as the size is taken',
    mounting(async (dir) => {
      const path = join(dir, 'memory')
      await converge(mount('tmpfs', path, { fstype: 'tmpfs', options }))
      expect(await converge(mount('tmpfs', path, { fstype: 'tmpfs', options }))).toBeUndefined()
    }),
  )

  test(
    'a path through a link is mounted once',
    mounting(async (dir) => {
      await mkdir(join(dir, 'real'))
      await symlink('real', join(dir, 'link'))
      const path = join(dir, 'link', 'scratch')
      await converge(mount('tmpfs', path, { fstype: 'tmpfs' }))
      expect(await converge(mount('tmpfs', path, { fstype: 'tmpfs' }))).toBeUndefined()
      const mounts = parseMounts(readFileSync('/proc/self/mounts', 'utf8'))
      expect(mounts.filter((entry) => entry.path === join(dir, 'real', 'scratch'))).toHaveLength(1)
    }),
  )
})

describe('mount tables', () => {
  test('are read with escapes, comments and blanks', () => {
    const text =
      '# comment\n\nserver:/a\\040b /mnt/c\\040d nfs4 rw,vers=4.2 0 0\n/dev/x  /y\text4\tdefaults\n'
    expect(parseMounts(text)).toEqual([
      { source: 'server:/a b', path: '/mnt/c d', fstype: 'nfs4', options: ['rw', 'vers=4.2'] },
      { source: '/dev/x', path: '/y', fstype: 'ext4', options: ['defaults'] },
    ])
    expect(() => parseMounts('nonsense')).toThrow('Expected a mount entry')
  })

  test('are written as they are read', () => {
    const entry = { source: 's:/a b#', path: '/c\\d', fstype: 'nfs', options: ['ro', 'hard'] }
    expect(parseMounts(fstabLine(entry))).toEqual([entry])
  })

  const nfs =
    'rw,relatime,vers=4.2,rsize=262144,wsize=262144,hard,proto=tcp,timeo=600,addr=192.0.2.1'
  const options: [string, string, string, string][] = [
    ['what the kernel adds', 'hard,vers=4.2,proto=tcp', nfs, ''],
    ['another version', 'hard,vers=4.1', nfs, 'vers=4.1'],
    ['soft for hard', 'soft', nfs, 'soft'],
    ['nfsvers for vers', 'nfsvers=4.2', nfs, ''],
    ['a size the server lowered', 'rsize=1048576', nfs, ''],
    ['a size above the wanted one', 'rsize=4096', nfs, 'rsize=4096'],
    ['what only mount(8) knows', 'defaults,_netdev,nofail,x-systemd.automount,noauto,bg', nfs, ''],
    ['half of a pair the kernel does not list', 'async,exec,suid', 'rw,nosuid', 'suid'],
    ['read-only for read-write', 'rw,noatime', 'ro,noatime', 'rw'],
    ['a part as a size, and a bind mount', 'bind,size=1%', 'rw,size=99k', ''],
    ['sizes in other units', 'size=1m,mode=0755', 'rw,size=1024k,mode=755', ''],
  ]
  for (const [title, wanted, active, lacking] of options) {
    test(`compare options: ${title}`, () => {
      const found = lackingOptions(wanted.split(','), active.split(','))
      expect(found.join()).toBe(lacking)
    })
  }

  const entry = { source: '/dev/x', path: '/data', fstype: 'ext4', options: ['noatime'] }
  const line = '/dev/x /data ext4 noatime 0 0\n'
  const edits: [string, string | undefined, boolean, string | undefined][] = [
    [
      'adds a line',
      '# fstab\n/dev/a / ext4 rw 0 1\n',
      true,
      `# fstab\n/dev/a / ext4 rw 0 1\n${line}`,
    ],
    ['makes an fstab', undefined, true, line],
    [
      'leaves a line that only looks different',
      '/dev/x\t/data  ext4 noatime 0 2\n',
      true,
      undefined,
    ],
    ['corrects a line in its place', `/dev/y /data xfs rw 0 0\n#\n`, true, `${line}#\n`],
    ['removes the line', `#\n${line}`, false, '#\n'],
    ['has nothing to remove', '# /dev/x /data ext4\n', false, undefined],
  ]
  for (const [title, text, persist, result] of edits) {
    test(`fstab: ${title}`, () => expect(fstabWith(text, entry, persist)).toBe(result))
  }

  test('fstab: refuses two lines for one path', () => {
    expect(() => fstabWith(line + line, entry, true)).toThrow('Expected one line for /data')
  })
})
