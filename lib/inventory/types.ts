import type { PlatformName } from '../core/platform-name.ts'
import type { Secret } from '../core/secret.ts'

/** How to reach a host; times in milliseconds. */
export interface ConnectionSettings {
  readonly address: string
  /** What ssh's configuration has, else 22, unless given. */
  readonly port?: number
  /** What ssh's configuration has, else who runs this, unless given. */
  readonly user?: string
  /** Runs everything as root through `sudo`, or with 'su' through that. */
  readonly become?: boolean | 'sudo' | 'su'
  /** What sudo or su asks for. */
  readonly becomePassword?: Secret
  readonly identityFiles?: readonly string[]
  readonly knownHosts?: readonly string[]
  /** A file in place of ~/.ssh/config and the system's; 'none' for none of them. */
  readonly sshConfig?: string
  /** Jump hosts, the nearest first: `[user@]host[:port],…`. */
  readonly proxyJump?: string
}

/** One machine: its connection and its own variables. */
export interface HostEntry<H> {
  readonly connection: ConnectionSettings
  /** What it runs; `debian12` unless given. */
  readonly platform?: PlatformName
  readonly vars: H
}

/** Time-outs of a run in milliseconds, for hosts of the inventory's speed. */
export interface Timeouts {
  /** TCP connect, key exchange and login. */
  readonly connect: number
  /** One question of a check. */
  readonly check: number
  /** One task's apply half, unless the task says otherwise. */
  readonly apply: number
}

/** Typed hosts, groups and variables. */
export interface Inventory<V = unknown, H = unknown> {
  readonly name: string
  /** Drills and other disruption need to be named explicitly on a production inventory. */
  readonly production: boolean
  readonly hosts: Readonly<Record<string, HostEntry<H>>>
  /** Group name to host names; `all` exists by itself. */
  readonly groups: Readonly<Record<string, readonly string[]>>
  readonly vars: V
  readonly timeouts: Timeouts
  /** The file whose lock lets one run at a time change a host, the same for all who run; `/run/tandem/run.lock` unless given. */
  readonly lockPath?: string
}
