import { randomBytes } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import type { LabFiles } from '../model/lab-options.ts'
import { type LabState, loginOf } from '../model/state.ts'
import type { Card, MachinePlan } from '../model/topology.ts'
import { type ArchiveFile, identityArchive } from './cpio.ts'
import { type KeyPair, newKeyPair } from './keys.ts'

/** Debian's own network configuration for the cards of one machine. */
export function interfaces(cards: readonly Card[]): string {
  const stanzas = cards.map(({ name, addresses, gateway }) => {
    const families = addresses.map((address, index) => {
      const route = gateway && index === 0 ? `\n    gateway ${gateway}` : ''
      return `iface ${name} inet static\n    address ${address}${route}`
    })
    return `auto ${name}\n${families.join('\n')}`
  })
  return `${['auto lo\niface lo inet loopback', ...stanzas].join('\n\n')}\n`
}

/** Everything that tells one machine from another. */
export function identityFiles(
  machine: MachinePlan,
  hostKey: KeyPair,
  authorized: string,
): ArchiveFile[] {
  const { hostname, cards } = machine
  const short = hostname.split('.')[0]
  const file = (path: string, content: string, mode = 0o644) => ({ path, content, mode })
  return [
    file('/etc/hostname', `${hostname}\n`),
    file(
      '/etc/hosts',
      `127.0.0.1 localhost\n::1 localhost ip6-localhost ip6-loopback\n127.0.1.1 ${hostname} ${short}\n`,
    ),
    file('/etc/machine-id', `${randomBytes(16).toString('hex')}\n`, 0o444),
    file('/etc/network/interfaces', interfaces(cards)),
    ...cards.map(({ name, mac }) =>
      file(
        `/etc/systemd/network/10-${name}.link`,
        `[Match]\nMACAddress=${mac}\n[Link]\nName=${name}\n`,
      ),
    ),
    file('/etc/ssh/ssh_host_ed25519_key', hostKey.private, 0o600),
    file('/etc/ssh/ssh_host_ed25519_key.pub', `${hostKey.public}\n`),
    file('/root/.ssh/authorized_keys', `${authorized}\n`, 0o600),
  ]
}

/** Makes the lab's login key and one host key a machine, and the archives that carry them in. */
export function makeIdentities(
  files: LabFiles,
  baseInitrd: Buffer,
): Readonly<Record<string, string>> {
  const login = newKeyPair()
  writeFileSync(files.identityFile, login.private, { mode: 0o600 })
  writeFileSync(`${files.identityFile}.pub`, `${login.public} tandem-lab\n`)
  const keys = files.topology.machines.map((machine) => {
    const { name } = machine
    const hostKey = newKeyPair()
    const archive = identityArchive(identityFiles(machine, hostKey, login.public))
    // The kernel unpacks archives one after another; each must begin at a multiple of 4 bytes.
    const gap = Buffer.alloc((4 - (baseInitrd.length % 4)) % 4)
    writeFileSync(files.initrd(name), Buffer.concat([baseInitrd, gap, archive]), { mode: 0o600 })
    return [name, hostKey.public] as const
  })
  return Object.fromEntries(keys)
}

/** Writes known_hosts from the keys the lab itself gave out, so no first connection is trusted blindly. */
export function writeKnownHosts(files: LabFiles, state: Pick<LabState, 'machines'>): void {
  const lines = Object.keys(state.machines).map((name) => {
    const { port, key } = loginOf(state, name)
    return `[127.0.0.1]:${port} ${key}\n`
  })
  writeFileSync(files.knownHosts, lines.join(''), { mode: 0o600 })
}
