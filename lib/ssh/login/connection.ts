import type { Duplex, Readable } from 'node:stream'
import { Unreachable } from '../../core/errors.ts'
import type { Secret } from '../../core/secret.ts'

/** How to become root; not at all with false. */
export type Become = boolean | 'sudo' | 'su'

/** Where and as whom to log in. */
export interface ConnectOptions {
  /** The host's name in messages. */
  readonly name: string
  readonly address: string
  readonly port: number
  readonly user: string
  /** Private key files, unless given those that ssh looks for; missing ones are skipped, and named when every way to log in fails. */
  readonly identityFiles?: readonly string[] | undefined
  /** Path of an SSH agent's socket. */
  readonly agent?: string | undefined
  /** known_hosts files; a host that none of them lists is refused. */
  readonly knownHosts?: readonly string[] | undefined
  readonly connectTimeoutMs: number
  /** Interval of keepalives; three without an answer end the connection. */
  readonly keepaliveMs: number
  /** Runs everything as root, through `sudo` unless it is 'su'. */
  readonly become?: Become | undefined
  /** What sudo or su asks for. */
  readonly becomePassword?: Pick<Secret, 'reveal'> | undefined
}

/** A command on a host: its input and output; `exit` comes with its exit code or signal, then `close`. */
export interface Channel extends Duplex {
  readonly stderr: Readable
  /** What `exit` said, for whoever listens later. */
  readonly exited?: readonly [exitCode: number | null, signal?: string]
  close(): void
}

/** One SSH connection to one host. */
export interface Connection {
  readonly name: string
  readonly user: string
  readonly become: Become
  readonly becomePassword: ConnectOptions['becomePassword']
  /** Runs a command line in the login shell. */
  exec(command: string): Promise<Channel>
  /** Aborted when the connection ends; the reason is an `Unreachable`. */
  readonly lost: AbortSignal
  close(): Promise<void>
  /** Cuts it without a goodbye. */
  destroy(): void
}

/** Dropped before the server's greeting, as sshd does with what is above its MaxStartups. */
export class Dropped extends Unreachable {}

/** The end of what a host said, in one line that fits into a message. */
export function lastLines(text: string): string {
  const lines = text.trim().split(/\s*[\r\n]+\s*/)
  return lines.slice(-3).join(' ').slice(-300)
}
