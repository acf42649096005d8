import { isIPv6 } from 'node:net'
import type { Duplex, Readable } from 'node:stream'
import { Unreachable } from '../../core/errors.ts'
import type { Secret } from '../../core/secret.ts'

/** How to become root; not at all with false. */
export type Become = boolean | 'sudo' | 'su'

/** What ssh wants of whoever sits there. */
export interface Question {
  /** In ssh's words: `Enter passphrase for key '…': `. */
  readonly text: string
  /** Of `SSH_ASKPASS_PROMPT`: `confirm` wants a yes, `none` nothing. */
  readonly kind?: string | undefined
  /** It only tells: a key waits to be touched. Nothing that is answered counts. */
  readonly tells: boolean
  /** What was answered to it before, to the same ssh: it was wrong. */
  readonly last?: string | undefined
  /** Aborted when nobody waits for the answer any more. */
  readonly gone: AbortSignal
}

/** Answers a question of ssh's; rejects where nobody wants to. */
export type Answer = (question: Question) => Promise<string>

/** Where and as whom to log in. */
export interface ConnectOptions {
  /** The host's name in messages. */
  readonly name: string
  readonly address: string
  /** Where none is said, what ssh's configuration has, else 22. */
  readonly port?: number | undefined
  /** Where none is said, what ssh's configuration has, else who runs this. */
  readonly user?: string | undefined
  /** Private key files, unless given those that ssh looks for; missing ones are skipped, and named when every way to log in fails. */
  readonly identityFiles?: readonly string[] | undefined
  /** Path of an SSH agent's socket. */
  readonly agent?: string | undefined
  /** known_hosts files; a host that none of them lists is refused. */
  readonly knownHosts?: readonly string[] | undefined
  /** The file of ssh's configuration in place of the user's and the system's; 'none' for none at all. */
  readonly sshConfig?: string | undefined
  /** Jump hosts, the nearest first: `[user@]host[:port],…`. */
  readonly proxyJump?: string | undefined
  /** Answers what ssh asks; nobody is asked unless given. */
  readonly ask?: Answer | undefined
  /** Ends the login when it is aborted. */
  readonly signal?: AbortSignal | undefined
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

/** The server let none of our keys in. */
export class LoginRefused extends Unreachable {}

/** A place as messages name it: an IPv6 address in brackets. */
export function placeText(address: string, port: number | string): string {
  return isIPv6(address) ? `[${address}]:${port}` : `${address}:${port}`
}

/** The end of what a host said, in one line that fits into a message. */
export function lastLines(text: string): string {
  const lines = text.trim().split(/\s*[\r\n]+\s*/)
  return lines.slice(-3).join(' ').slice(-300)
}
