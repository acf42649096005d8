import { chmodSync, mkdirSync, mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { renderFile } from '../../lib/resources/template.ts'
import { managerWords } from '../../roles/cluster/index.ts'

const roles = join(import.meta.dirname, '../../roles')

/** connection, roles and disks, as /proc/drbd has them: `WFConnection`, `Primary/Unknown`, `UpToDate/DUnknown`. */
export type Replica = readonly [connection: string, sides: string, disks: string]

/** The text of /proc/drbd; `received` in KiB. */
export function procDrbd([connection, sides, disks]: Replica, received = 100): string {
  return `version: 8.4.11 (api:1/proto:86-101)\n 0: cs:${connection} ro:${sides} ds:${disks} C r-----\n    ns:5 nr:${received} dw:1 dr:1 al:1 bm:0 lo:0 pe:0 ua:0 ap:0 ep:1 wo:f oos:0\n`
}

/** What `tandem-nfs` is told in tests. */
export const nfsWords = {
  drbd: { filesystem: 'ext4' },
  mountOptions: 'nosuid',
  pipefs: '/run/rpc_pipefs',
  legacyClients: false,
  domain: 'x',
  grace: 5,
  ports: {},
}

/** A folder that stands for a host: what a role's script reads and calls is in there, the shell is real. */
export class HostAround {
  readonly folder = mkdtempSync(join(tmpdir(), 'tandem-host-'))
  readonly #paths: Readonly<Record<string, string>>

  /** `paths` names what else of the host is in the folder: absolute path to name; `state` is where the service keeps its own. */
  constructor(
    paths: Readonly<Record<string, string>> = {},
    state = '/data',
    { legacyClients = false } = {},
  ) {
    this.#paths = paths
    mkdirSync(join(this.folder, 'run'))
    const vip = { address: '10.0.0.9', prefix: 24, device: 'em1' }
    const disk = { path: '/data', device: '/dev/drbd0', minor: 0, stateFolder: state }
    this.script('common', 'shared/templates/common.hbs', { ...disk, vip, legacyClients })
  }

  /** A file of the folder. */
  file(name: string, content: string): void {
    writeFileSync(join(this.folder, name), content)
  }

  /** A program that the script finds first; it notes how it was called, a line each, in `asked`. */
  program(name: string, text: string): void {
    this.file(name, `#!/bin/sh\necho "${name} $*" >>${this.folder}/asked\n${text}\n`)
    chmodSync(join(this.folder, name), 0o755)
  }

  /** A program that ends with one exit code after another; the last one stays. */
  codes(name: string, call: string, list: readonly number[]): string {
    return `n=$(grep -c '^${name}${call}' ${this.folder}/asked); set -- ${list.join(' ')}; [ $n -le $# ] || n=$#; shift $((n - 1)); exit $1`
  }

  /** A role's template, with the paths of the host turned into those of the folder. */
  script(name: string, template: string, data: object): string {
    const { folder } = this
    const { peer = '$peer' } = data as { readonly peer?: string }
    // Without a disk for the service's state, unless told otherwise.
    const words = { stateDevice: '', ...managerWords(peer), ...data }
    let text = renderFile(join(roles, template), words)
      .replace('export PATH=', `export PATH=${folder}:`)
      .replaceAll('run=/run/tandem', `run=${folder}/run`)
      // Nor end what this machine itself may have on a DRBD disk.
      .replaceAll('147:$1', 'none:$1')
    const paths = {
      '/proc/drbd': 'proc-drbd',
      // No test may ever reset the machine that it runs on.
      '/proc/sysrq-trigger': 'sysrq',
      '/usr/local/lib/tandem/common': 'common',
      // Called as drbdadm is.
      '/usr/local/lib/tandem/drbd': 'drbdadm',
      ...this.#paths,
    }
    for (const [path, own] of Object.entries(paths)) text = text.replaceAll(path, join(folder, own))
    this.file(name, text)
    return join(folder, name)
  }
}
