import ssh2 from 'ssh2'
import { expect, test } from 'vitest'
import { topology } from '../../inventory/topology.ts'
import { identityArchive } from '../../lib/lab/identity/cpio.ts'
import { identityFiles, interfaces } from '../../lib/lab/identity/identity.ts'
import { newKeyPair } from '../../lib/lab/identity/keys.ts'
import { machineOf } from '../../lib/lab/model/topology.ts'

test('makes keys that read back as what they say', () => {
  const pair = newKeyPair()
  const key = ssh2.utils.parseKey(pair.private)
  if (key instanceof Error) throw key
  expect(`ssh-ed25519 ${key.getPublicSSH().toString('base64')}`).toBe(pair.public)
  expect(key.verify('data', key.sign('data') as Buffer)).toBe(true)
})

test('writes the network configuration of a machine', () => {
  expect(interfaces(machineOf(topology, 'C1').cards)).toBe(`auto lo
iface lo inet loopback

auto mgmt
iface mgmt inet static
    address 10.0.2.15/24

auto em1
iface em1 inet static
    address 192.168.0.220/24
iface em1 inet static
    address 192.168.0.1/24
`)
  expect(interfaces(machineOf(topology, 'M1').cards)).toContain(
    'address 192.168.0.210/24\n    gateway 192.168.0.1',
  )
})

test('keeps private keys private inside the guest', () => {
  const files = identityFiles(machineOf(topology, 'M1'), newKeyPair(), 'ssh-ed25519 AAAA')
  const mode = (path: string) => files.find((file) => file.path === path)?.mode
  expect(mode('/etc/ssh/ssh_host_ed25519_key')).toBe(0o600)
  expect(mode('/root/.ssh/authorized_keys')).toBe(0o600)
  expect(files.find((file) => file.path === '/etc/hostname')?.content).toBe('M1.redhat.sx\n')
  // A card keeps its name, whatever the kernel finds first.
  const link = files.find((file) => file.path === '/etc/systemd/network/10-em2.link')?.content
  expect(link).toBe('[Match]\nMACAddress=52:54:00:7a:01:02\n[Link]\nName=em2\n')
})

test('writes an archive of aligned entries, folders before files, ended by a trailer', () => {
  const archive = identityArchive([{ path: '/etc/a', mode: 0o600, content: 'hello' }])
  const names: string[] = []
  for (let at = 0; at < archive.length; ) {
    expect(archive.toString('latin1', at, at + 6)).toBe('070701')
    const field = (index: number) =>
      Number.parseInt(archive.toString('latin1', at + 6 + index * 8, at + 14 + index * 8), 16)
    const [size, nameSize] = [field(6), field(11)]
    names.push(archive.toString('latin1', at + 110, at + 110 + nameSize - 1))
    const content = at + Math.ceil((110 + nameSize) / 4) * 4
    if (names.at(-1) === 'identity/etc/a')
      expect(archive.toString('latin1', content, content + size)).toBe('hello')
    at = content + Math.ceil(size / 4) * 4
  }
  expect(names).toEqual(['identity', 'identity/etc', 'identity/etc/a', 'TRAILER!!!'])
})
