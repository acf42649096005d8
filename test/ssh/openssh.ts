import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import net from 'node:net'
import { tmpdir, userInfo } from 'node:os'
import { join } from 'node:path'
import { vi } from 'vitest'
import { which } from './shells.ts'

const sshd = which('sshd')
const { uid, username, shell } = userInfo()

/** Why OpenSSH's own server cannot run here; false where it can. */
export const noSshd: string | false =
  (!sshd && 'there is no sshd') ||
  (/nologin|false$/.test(shell ?? '') && `${username} has no login shell`) ||
  (uid === 0 && !existsSync('/run') && 'there is no /run for its privilege separation')

/** A running sshd on 127.0.0.1 that lets the current user in. */
export interface Sshd {
  readonly port: number
  /** Its host key's public half. */
  readonly hostKey: string
  /** What it has logged. */
  log(): string
  stop(): void
}

/** Makes a key pair at `path` and `path.pub`. */
export function keyAt(path: string, passphrase = ''): string {
  execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', passphrase, '-C', 'test', '-f', path])
  return path
}

/** Starts an sshd; `authorized` are public keys that may log in, `extra` further lines of its configuration. */
export async function startSshd(
  authorized: readonly string[],
  extra: (root: string) => readonly string[] = () => [],
): Promise<Sshd> {
  const root = mkdtempSync(join(tmpdir(), 'tandem-sshd-'))
  const port = await freePort()
  const hostKey = readFileSync(`${keyAt(join(root, 'host_key'))}.pub`, 'utf8').trim()
  writeFileSync(join(root, 'authorized'), `${authorized.join('\n')}\n`)
  const lines = [
    `ListenAddress 127.0.0.1:${port}`,
    `HostKey ${root}/host_key`,
    `AuthorizedKeysFile ${root}/authorized`,
    `PidFile ${root}/pid`,
    'StrictModes no',
    'UsePAM no',
    'PasswordAuthentication no',
    'PermitRootLogin prohibit-password',
    'LogLevel VERBOSE',
    ...extra(root),
  ]
  writeFileSync(join(root, 'config'), lines.join('\n'))
  if (uid === 0) mkdirSync('/run/sshd', { recursive: true, mode: 0o755 })
  const log = join(root, 'log')
  const child: ChildProcess = spawn(sshd as string, ['-D', '-E', log, '-f', join(root, 'config')], {
    stdio: 'ignore',
  })
  await vi.waitFor(() => answers(port), { timeout: 10_000 })
  return {
    port,
    hostKey,
    log: () => readFileSync(log, 'utf8'),
    stop: () => {
      child.kill('SIGTERM')
      rmSync(root, { recursive: true })
    },
  }
}

async function answers(port: number): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const socket = net.connect(port, '127.0.0.1', () => {
      socket.destroy()
      resolve()
    })
    socket.once('error', reject)
  })
}

/** A port that nobody listens at. */
export async function freePort(): Promise<number> {
  const probe = net.createServer()
  await new Promise<void>((resolve) => probe.listen(0, '127.0.0.1', resolve))
  const { port } = probe.address() as net.AddressInfo
  await new Promise((resolve) => probe.close(resolve))
  return port
}
