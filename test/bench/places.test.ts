import { mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import type { BenchHosts } from '../../bench/inventories.ts'
import { writeInventories } from '../../bench/inventories.ts'
import { addressOf, mostHosts, networks, numbers, places } from '../../bench/places.ts'
import { lookUp } from '../../lib/ssh/login/known-hosts.ts'

describe('addresses', () => {
  test.each([
    [1, '127.0.10.1'],
    [250, '127.0.10.250'],
    [251, '127.0.11.1'],
    [500, '127.0.11.250'],
    [501, '127.0.12.1'],
    [mostHosts, '127.0.12.250'],
  ])('of host %d is %s', (host, wanted) => expect(addressOf(host)).toBe(wanted))

  test('are no two the same, and all can be given to a host', () => {
    const all = numbers(mostHosts).map(addressOf)
    expect(new Set(all).size).toBe(mostHosts)
    // Neither a network's own address nor its broadcast.
    expect(all.filter((address) => /\.(0|255)$/.test(address))).toEqual([])
  })

  test.each([0, -1, 1.5, mostHosts + 1])('there is none for %d', (host) => {
    expect(() => addressOf(host)).toThrow(`Expected a host 1–${mostHosts}, got ${host}`)
  })
})

describe('what is written for 500 hosts', () => {
  const folder = mkdtempSync(join(tmpdir(), 'bench-'))
  const at = places({ TANDEM_BENCH: folder })
  mkdirSync(join(at.base, 'etc/ssh'), { recursive: true })
  const key = Buffer.from('a key').toString('base64')
  writeFileSync(join(at.base, 'etc/ssh/ssh_host_ed25519_key.pub'), `ssh-ed25519 ${key} me\n`)
  const files = writeInventories(at, 500, 2223)

  test('both inventories name every host', () => {
    const { hosts } = JSON.parse(readFileSync(files.ours, 'utf8')) as BenchHosts
    const theirs = readFileSync(files.theirs, 'utf8').match(/ansible_host=\S+/g)
    const wanted = numbers(500).map(addressOf)
    expect(hosts.map(({ address }) => address)).toEqual(wanted)
    expect(theirs).toEqual(wanted.map((address) => `ansible_host=${address}`))
  })

  test.each([2222, 2223])('its key is known at port %d, and no host more', (port) => {
    for (const host of [1, 250, 251, 500]) {
      expect(lookUp([at.knownHosts], addressOf(host), port).keys).toHaveLength(1)
    }
    expect(lookUp([at.knownHosts], addressOf(501), port).keys).toEqual([])
  })

  test("OpenSSH's settings hold for every network", () => {
    const [first] = readFileSync(at.sshConfig, 'utf8').split('\n')
    expect(first).toBe(`Host ${networks.map((network) => `${network}.*`).join(' ')}`)
  })
})
