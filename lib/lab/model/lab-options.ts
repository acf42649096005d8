import { createHash } from 'node:crypto'
import { statSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { UsageError } from '../../core/errors.ts'
import type { Topology } from './topology.ts'

/** What the lab is doing, for whoever shows it; `seconds` is how long the finished step took. */
export interface LabProgress {
  readonly step: 'tools' | 'image' | 'acceleration' | 'boot' | 'provision' | 'snapshot' | 'stop'
  readonly text: string
  readonly seconds?: number
}

/** Variables of the calling process; only proxies, PATH, HOME and the folders are read from it. */
export type Environment = Readonly<Record<string, string | undefined>>

/** Where a lab is, and what it is made of. */
export interface LabPlace {
  /** Disks, keys, logs and state of one lab. */
  readonly stateDir: string
  readonly topology: Topology
}

/** Where the lab lives and how it talks; nothing here is read from the process itself. */
export interface LabOptions extends LabPlace {
  /** Images, kept by the hash of their recipe and shared by all labs of a user. */
  readonly cacheDir: string
  readonly env?: Environment
  readonly say: (event: LabProgress) => void
  /** Installs missing system packages instead of naming them. */
  readonly install: boolean
  readonly signal?: AbortSignal
}

/** The default folders, outside any checkout; `TANDEM_LAB_DIR` moves both under one folder. */
export function labPaths(env: Environment): { cacheDir: string; stateDir: string } {
  const own = env.TANDEM_LAB_DIR
  if (own && statSync(own, { throwIfNoEntry: false })?.isDirectory() === false) {
    throw new UsageError(`Expected TANDEM_LAB_DIR to name a folder, got the file ${own}`)
  }
  if (own) return { cacheDir: join(own, 'cache'), stateDir: join(own, 'state') }
  const home = env.HOME || homedir()
  return {
    cacheDir: join(env.XDG_CACHE_HOME || join(home, '.cache'), 'tandem', 'lab'),
    stateDir: join(env.XDG_STATE_HOME || join(home, '.local', 'state'), 'tandem', 'lab'),
  }
}

/** Files of one lab, and what it is made of. */
export interface LabFiles {
  readonly topology: Topology
  readonly stateDir: string
  /** Unix sockets and pid files; short, because a socket path holds 107 bytes. */
  readonly runDir: string
  readonly lab: string
  readonly lock: string
  readonly identityFile: string
  readonly knownHosts: string
  readonly pid: (process: string) => string
  readonly qmp: (process: string) => string
  /** A machine's other control socket, for its BMC alone: QEMU's serve one conversation at a time. */
  readonly bmcQmp: (machine: string) => string
  /** Held by whoever turns a machine's processor on or off. */
  readonly power: (machine: string) => string
  /** Folder of a BMC's process. */
  readonly bmcDir: (bmc: string) => string
  /** Where a process of ours is told what to do. */
  readonly control: (process: string) => string
  readonly link: (link: string) => string
  readonly serial: (machine: string) => string
  readonly log: (process: string) => string
  readonly disk: (machine: string, disk: 'root' | 'data') => string
  readonly initrd: (machine: string) => string
}

const socketPathBytes = 107

/** The files under `stateDir`; sockets move to a short folder of `uid`, this user, where they would not fit. */
export function labFiles(
  { stateDir, topology }: LabPlace,
  uid: number = process.getuid?.() ?? 0,
): LabFiles {
  const near = join(stateDir, 'run')
  const longest = Math.max(
    ...topology.machines.flatMap(({ name, cards }) =>
      [`/${name}.bmc-qmp`, ...cards.map((card) => `/link-${name}.${card.name}.sock`)].map((file) =>
        Buffer.byteLength(file),
      ),
    ),
  )
  const fits = Buffer.byteLength(near) + longest <= socketPathBytes
  const label = createHash('sha256').update(stateDir).digest('hex').slice(0, 8)
  const runDir = fits ? near : `/tmp/tandem-lab-${uid}/${label}`
  return {
    topology,
    stateDir,
    runDir,
    lab: join(stateDir, 'lab.json'),
    lock: join(stateDir, 'lock'),
    identityFile: join(stateDir, 'id_ed25519'),
    knownHosts: join(stateDir, 'known_hosts'),
    pid: (process) => join(runDir, `${process}.pid`),
    qmp: (process) => join(runDir, `${process}.qmp`),
    bmcQmp: (machine) => join(runDir, `${machine}.bmc-qmp`),
    power: (machine) => join(runDir, `${machine}.power`),
    bmcDir: (bmc) => join(runDir, bmc),
    control: (process) => join(runDir, `${process}.control`),
    link: (link) => join(runDir, `link-${link}.sock`),
    serial: (machine) => join(stateDir, `${machine}.console.log`),
    log: (process) => join(stateDir, `${process}.qemu.log`),
    disk: (machine, disk) => join(stateDir, 'disks', `${machine}-${disk}.qcow2`),
    initrd: (machine) => join(stateDir, 'disks', `${machine}.initrd`),
  }
}
