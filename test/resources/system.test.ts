import { existsSync, readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { group, kernelModule, route, sysctl, systemdUnit, user } from '../../lib/resources/index.ts'
import { settingBehind } from '../../lib/resources/sysctl.ts'
import { isStale } from '../../lib/resources/systemd-unit.ts'
import { here } from './host.ts'

// What these read is this machine's own; what they write is tried on the native hosts and in the lab.

describe('kernel module', () => {
  // Some containers have no list of modules.
  const list = '/proc/modules'
  const loaded = existsSync(list) ? readFileSync(list, 'utf8').split(' ')[0] : undefined

  test.skipIf(!loaded)('finds one that is loaded, however its name is written', async () => {
    for (const name of [loaded ?? '', (loaded ?? '').replaceAll('_', '-')]) {
      expect(await kernelModule(name).check(here())).toBeUndefined()
    }
  })

  test('names one that is not, and what is not there at boot', async () => {
    expect(await kernelModule('no_such_module').check(here())).toMatchObject({
      summary: 'is not loaded',
      load: true,
    })
    expect(await kernelModule('no_such_module', { atBoot: true }).check(here())).toMatchObject({
      summary: 'is not loaded; is not loaded at boot',
      diff: { path: '/etc/modules-load.d/no_such_module.conf', after: 'no_such_module\n' },
    })
  })

  test('refuses what is no name', () => {
    expect(() => kernelModule('../x')).toThrow('Expected the name of a kernel module, got "../x"')
    expect(() => kernelModule('a/b', { atBoot: true })).toThrow('got "a/b"')
  })
})

describe('sysctl', () => {
  const value = readFileSync('/proc/sys/net/ipv4/ip_local_port_range', 'utf8')

  test('finds what the kernel has, whatever stands between its numbers', async () => {
    const made = sysctl('net.ipv4.ip_local_port_range', value.trim().replace(/\s+/, '  '))
    expect(await made.check(here())).toMatchObject({
      summary: 'is not set at boot',
      live: false,
      diff: { path: '/etc/sysctl.d/99-tandem-net.ipv4.ip_local_port_range.conf' },
    })
  })

  test('names what differs', async () => {
    expect(await sysctl('net/ipv4/ip_local_port_range', '7 77').check(here())).toMatchObject({
      summary: expect.stringMatching(/^is \d+ \d+; is not set at boot$/),
      live: true,
    })
    // A slash stands for a dot within a name.
    await expect(sysctl('net.ipv4.conf.lo/1.arp_ignore', 1).check(here())).rejects.toThrow(
      '/proc/sys/net/ipv4/conf/lo.1/arp_ignore',
    )
  })

  test.each([
    ['/etc/sysctl.d/99-zz.conf:net.x.y = 1\n/usr/lib/sysctl.d/50-a.conf:net.x.y=0', undefined],
    [
      '/etc/sysctl.d/10-a.conf:net.x.y = 0\n/etc/sysctl.d/zz.conf:-net/x/y=0',
      '/etc/sysctl.d/zz.conf:-net/x/y=0',
    ],
    ['/etc/sysctl.d/zz.conf:net.x.other = 5', '/etc/sysctl.d/zz.conf:net.x.other = 5'],
    ['', undefined],
  ])('sees a file that is read behind its own and says something else: %j', (lines, found) => {
    expect(settingBehind(lines, '99-tandem-net.x.y.conf', '1')).toBe(found)
  })

  test('refuses what is no key, and values of several lines', () => {
    expect(() => sysctl('swappiness', 1)).toThrow('Expected a key such as')
    expect(() => sysctl('net.ipv4.conf.*.rp_filter', 1)).toThrow('Expected a key such as')
    expect(() => sysctl('../../etc/passwd', 1)).toThrow('Expected a key such as')
    expect(() => sysctl('vm.swappiness', '1\n2')).toThrow('Expected the value of vm.swappiness')
  })
})

describe('route', () => {
  test('finds none to where nothing leads', async () => {
    const made = route('192.0.2.7', { device: 'lo' })
    expect(made.title).toBe('route to 192.0.2.7 over lo')
    expect(await made.check(here())).toEqual({ summary: 'no route' })
  })

  test.each([
    ['192.0.2', 'eth0', undefined, 'Expected an IPv4 address or network, got "192.0.2"'],
    ['192.0.2.0/33', 'eth0', undefined, 'got "192.0.2.0/33"'],
    ['0.0.0.0/0', 'eth0', undefined, 'whose host bits are zero, got "0.0.0.0/0"'],
    ['192.0.2.5/24', 'eth0', undefined, 'whose host bits are zero, got "192.0.2.5/24"'],
    ['192.0.2.0/24', 'eth0; reboot', undefined, 'Expected the name of a network device'],
    ['192.0.2.0/24', 'eth0', 'router', 'Expected the IPv4 address of a router'],
  ])('refuses %s over %s via %s', (to, device, via, text) => {
    expect(() => route(to, { device, ...(via && { via }) })).toThrow(text)
  })
})

describe('user and group', () => {
  test('are found as they are', async () => {
    expect(await user('root', { uid: 0, group: 'root', home: '/root' }).check(here())).toBe(
      undefined,
    )
    expect(await group('root', { gid: 0 }).check(here())).toBeUndefined()
  })

  test('are made with what was asked for', async () => {
    const wanted = { system: true, home: '/var/lib/x', shell: '/usr/sbin/nologin', groups: ['adm'] }
    expect(await user('tandem-nobody', wanted).check(here())).toEqual({
      summary: 'does not exist',
      create: true,
      words: ['-r', '-M', '-d', '/var/lib/x', '-s', '/usr/sbin/nologin', '-G', 'adm'],
    })
    expect(await group('tandem-nobody').check(here())).toMatchObject({ create: true })
  })

  test('say what differs, and add groups to those that are there', async () => {
    const made = user('root', { shell: '/bin/false', groups: ['root', 'adm'] })
    expect(await made.check(here())).toMatchObject({
      summary: expect.stringMatching(/^shell \/bin\/\w+ → \/bin\/false, is not in group adm$/),
      words: ['-s', '/bin/false', '-a', '-G', 'adm'],
    })
    expect(await group('root', { gid: 7 }).check(here())).toMatchObject({ summary: 'number 0 → 7' })
  })

  test('refuse what is no name', () => {
    expect(() => user('root:x')).toThrow('Expected the name of a user, got "root:x"')
    expect(() => group('-g')).toThrow('Expected the name of a group, got "-g"')
    expect(() => user('x', { comment: 'a\nb' })).toThrow('Expected the comment of user x')
  })
})

describe('systemd unit', () => {
  test('is a file, or a drop-in of another one', () => {
    expect(systemdUnit('x.service', '').title).toBe('unit x.service')
    expect(systemdUnit('x.service', '', { dropIn: 'more' }).title).toBe(
      'unit x.service.d/more.conf',
    )
    expect(systemdUnit('x@.service', '').title).toBe('unit x@.service')
  })

  test('is told to systemd again where that has read an older one, but not under a mask', () => {
    expect(isStale('LoadState=loaded\nNeedDaemonReload=yes\n')).toBe(true)
    expect(isStale('LoadState=loaded\nNeedDaemonReload=no\n')).toBe(false)
    // Seen in the lab: for a masked unit with a drop-in it stays so, whatever is reloaded.
    expect(isStale('LoadState=masked\nNeedDaemonReload=yes\n')).toBe(false)
  })

  test('refuses what is no unit', () => {
    expect(() => systemdUnit('x', '')).toThrow('Expected the name of a unit, such as x.service')
    expect(() => systemdUnit('../x.service', '')).toThrow('got "../x.service"')
    expect(() => systemdUnit('x.service', '', { dropIn: 'a.conf' })).toThrow(
      'Expected the name of a drop-in of x.service, got "a.conf"',
    )
  })
})
