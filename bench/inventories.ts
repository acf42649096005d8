import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { addressOf, networks, nodeOf, numbers, type Places, ports } from './places.ts'

/** What Tandem's inventory of the benchmark is made of. */
export interface BenchHosts {
  readonly hosts: readonly {
    readonly name: string
    readonly address: string
    readonly port: number
    readonly node: 1 | 2
  }[]
  readonly identityFile: string
  readonly knownHosts: string
}

/** Writes what OpenSSH needs to reach hosts 1 to `count`: its settings and their keys. */
export function writeAccess(at: Places, count: number): void {
  const hostKey = join(at.base, 'etc/ssh/ssh_host_ed25519_key.pub')
  const [type, key] = readFileSync(hostKey, 'utf8').split(' ')
  // A line for each host that is there and no more, as whoever has so many hosts has it.
  const lines = numbers(count).map((host) => {
    const names = Object.values(ports).map((port) => `[${addressOf(host)}]:${port}`)
    return `${names.join(',')} ${type} ${key}\n`
  })
  writeFileSync(at.knownHosts, lines.join(''))
  const settings = [
    ...[`Host ${networks.map((net) => `${net}.*`).join(' ')}`, `Port ${ports.direct}`],
    ...['User root', `IdentityFile ${at.identityFile}`, 'IdentitiesOnly yes', 'BatchMode yes'],
    ...[`UserKnownHostsFile ${at.knownHosts}`, 'GlobalKnownHostsFile /dev/null'],
    ...['StrictHostKeyChecking yes', 'HostKeyAlgorithms ssh-ed25519', 'UpdateHostKeys no'],
  ]
  writeFileSync(at.sshConfig, `${settings.join('\n    ')}\n`)
}

/** Writes the inventories of Tandem and of Ansible for `count` hosts, and names the two files. */
export function writeInventories(at: Places, count: number, port: number) {
  writeAccess(at, count)
  const ours: BenchHosts = {
    hosts: numbers(count).map((host) => ({
      name: `h${host}`,
      address: addressOf(host),
      port,
      node: nodeOf(host),
    })),
    identityFile: at.identityFile,
    knownHosts: at.knownHosts,
  }
  const files = { ours: join(at.folder, 'hosts.json'), theirs: join(at.folder, 'hosts.ini') }
  writeFileSync(files.ours, JSON.stringify(ours))
  const lines = [
    '[nfs]',
    ...ours.hosts.map(
      ({ name, address, node }) => `${name} ansible_host=${address} node_id=${node}`,
    ),
    ...['[nfs:vars]', 'ansible_user=root', `ansible_port=${port}`],
    `ansible_ssh_private_key_file=${at.identityFile}`,
    `ansible_ssh_common_args=-F ${at.sshConfig}`,
  ]
  writeFileSync(files.theirs, `${lines.join('\n')}\n`)
  return files
}
