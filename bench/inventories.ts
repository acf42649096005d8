import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { addressOf, nodeOf, numbers, type Places } from './places.ts'

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

/** Writes the inventories of Tandem and of Ansible for `count` hosts, and names the two files. */
export function writeInventories(at: Places, count: number, port: number) {
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
