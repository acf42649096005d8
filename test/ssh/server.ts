import { type ChildProcess, spawn } from 'node:child_process'
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import net from 'node:net'
import { tmpdir, userInfo } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import ssh2, { type AuthContext, type ServerChannel } from 'ssh2'
import type { ConnectOptions } from '../../lib/ssh/index.ts'

const defaultPath = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'

/** How the test server differs from the ordinary. */
export interface TestServerOptions {
  /** `key` (default) accepts the key in `identityFile`; `none` refuses every login, `close` by hanging up. */
  readonly auth?: 'key' | 'none' | 'close'
  /** Said before any login. */
  readonly banner?: string
  /** Private host key in OpenSSH form, or several; a new ed25519 one unless given. */
  readonly hostKey?: string | readonly string[]
  /** The login shell that runs commands with `-c`. */
  readonly shell?: string
  /** What commands find as `/bin/sh`. */
  readonly binSh?: string
  /** Shell text that runs before each command, as start-up files do. */
  readonly motd?: string
  /** Home and working directory of commands; a new one, removed on close, unless given. */
  readonly root?: string
  /** Delays every packet in both directions. */
  readonly delayMs?: number
  /** Further environment of commands. */
  readonly env?: NodeJS.ProcessEnv
  /** Refuses to open more session channels than this at a time. */
  readonly maxSessions?: number
}

/** A real SSH server on 127.0.0.1 that runs real shells as the current user. */
export interface TestServer {
  readonly port: number
  readonly root: string
  readonly knownHostsLine: string
  readonly knownHostsFile: string
  readonly identityFile: string
  /** Commands that clients have asked it to run. */
  readonly commands: readonly string[]
  /** Options to connect with. */
  options(changes?: Partial<ConnectOptions>): ConnectOptions
  /** Cuts all connections, as a dying network does. */
  drop(): void
  close(): Promise<void>
}

/** A new key pair in OpenSSH form. */
export function newKey(type: 'ed25519' | 'rsa' = 'ed25519'): { private: string; public: string } {
  for (;;) {
    const { utils } = ssh2
    const pair =
      type === 'rsa'
        ? utils.generateKeyPairSync('rsa', { bits: 2048 })
        : utils.generateKeyPairSync('ed25519')
    // ssh2 now and then makes a key that it cannot read itself.
    if (!(utils.parseKey(pair.private) instanceof Error)) return pair
  }
}

/** Starts the server; it ends its commands when it is closed. */
export async function startServer(o: TestServerOptions = {}): Promise<TestServer> {
  const root = o.root ?? mkdtempSync(join(tmpdir(), 'tandem-ssh-'))
  const secrets = mkdtempSync(join(tmpdir(), 'tandem-key-'))
  const hostKeys = [o.hostKey ?? newKey().private].flat()
  const clientKey = newKey()
  const identityFile = join(secrets, 'id')
  writeFileSync(identityFile, clientKey.private)
  chmodSync(identityFile, 0o600)

  const children = new Set<ChildProcess>()
  const sockets = new Set<net.Socket>()
  const commands: string[] = []
  const server = new ssh2.Server({ hostKeys, ...(o.banner && { banner: o.banner }) }, (client) => {
    let open = 0
    ;(client as unknown as { _sock: net.Socket })._sock.setNoDelay(true)
    client.on('authentication', (context) => {
      if (o.auth === 'close') client.end()
      else if (o.auth !== 'none' && accepts(context, clientKey.public)) context.accept()
      else context.reject(['publickey'])
    })
    client.on('error', () => {})
    client.on('session', (accept, reject) => {
      if (open >= (o.maxSessions ?? 10)) return reject?.()
      open++
      const session = accept()
      session.on('close', () => open--)
      session.on('exec', (acceptExec, _reject, { command }) => {
        commands.push(command)
        const env = { PATH: defaultPath, HOME: root, USER: userInfo().username, ...o.env }
        // Like sshd: every command leads a session of its own.
        const text = (o.motd ?? '') + command.replaceAll('/bin/sh', o.binSh ?? '/bin/sh')
        const child = spawn(o.shell ?? '/bin/sh', ['-c', text], {
          cwd: root,
          env,
          detached: true,
        })
        children.add(child)
        child.on('close', () => children.delete(child))
        connectChild(child, acceptExec())
      })
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const inner = (server.address() as net.AddressInfo).port
  const relay = net.createServer((socket) => pass(socket, inner, o.delayMs ?? 0, sockets))
  await new Promise<void>((resolve) => relay.listen(0, '127.0.0.1', resolve))
  const { port } = relay.address() as net.AddressInfo

  const drop = () => {
    for (const socket of sockets) socket.destroy()
  }
  const knownHostsLine = `[127.0.0.1]:${port} ${publicKeyOf(hostKeys[0] ?? '')}`
  const knownHostsFile = join(secrets, 'known_hosts')
  writeFileSync(knownHostsFile, `${knownHostsLine}\n`)
  return {
    port,
    root,
    knownHostsLine,
    knownHostsFile,
    identityFile,
    commands,
    drop,
    options: (changes = {}) => ({
      name: 'M1',
      address: '127.0.0.1',
      port,
      user: userInfo().username,
      identityFiles: [identityFile],
      knownHosts: [knownHostsFile],
      sshConfig: 'none',
      connectTimeoutMs: 20_000,
      keepaliveMs: 30_000,
      ...changes,
    }),
    close: async () => {
      drop()
      await new Promise((resolve) => relay.close(resolve))
      await new Promise((resolve) => server.close(resolve))
      for (const child of children) if (child.pid) killGroup(child.pid)
      if (!o.root) rmSync(root, { recursive: true, force: true })
      rmSync(secrets, { recursive: true, force: true })
    },
  }
}

/** The public half of a private key, as it stands in known_hosts. */
export function publicKeyOf(privateKey: string): string {
  const key = ssh2.utils.parseKey(privateKey)
  if (key instanceof Error) throw key
  return `${key.type} ${key.getPublicSSH().toString('base64')}`
}

function accepts(context: AuthContext, publicKey: string): boolean {
  if (context.method !== 'publickey') return false
  const allowed = ssh2.utils.parseKey(publicKey)
  if (allowed instanceof Error || !allowed.getPublicSSH().equals(context.key.data)) return false
  if (!context.signature || !context.blob) return true
  return allowed.verify(context.blob, context.signature, context.hashAlgo) === true
}

const noChunks = {
  _chunk: undefined,
  _chunkcb: undefined,
  _chunkErr: undefined,
  _chunkcbErr: undefined,
}

function connectChild(child: ChildProcess, channel: ServerChannel): void {
  const { stdin, stdout, stderr } = child
  if (!stdin || !stdout || !stderr) return
  stdin.on('error', () => {})
  channel.on('error', () => {})
  channel.pipe(stdin)
  // One write at a time: ssh2's server mixes up its two streams when both wait for the client's
  // window, and keeps what was already sent.
  let written: Promise<void> = Promise.resolve()
  for (const [from, to] of [
    [stdout, channel],
    [stderr, channel.stderr],
  ] as const) {
    from.on('data', (chunk: Buffer) => {
      from.pause()
      written = written.then(async () => {
        Object.assign(channel, noChunks)
        await new Promise<void>((resolve) => to.write(chunk, () => resolve()))
        from.resume()
      })
    })
  }
  child.on('exit', (code, signal) => {
    if (signal) channel.exit(signal.replace(/^SIG/, ''))
    else channel.exit(code ?? 255)
  })
  child.on('close', () => written.then(() => channel.end()))
  // sshd too closes the pipes of a client that is gone and leaves the command running.
  channel.on('close', () => {
    for (const stream of [stdin, stdout, stderr]) stream.destroy()
  })
}

function pass(socket: net.Socket, port: number, delayMs: number, all: Set<net.Socket>): void {
  const other = net.connect({ host: '127.0.0.1', port, noDelay: true })
  socket.setNoDelay(true)
  for (const [from, to] of [
    [socket, other],
    [other, socket],
  ] as const) {
    all.add(from)
    from.on('error', () => {})
    from.on('data', (chunk) => {
      if (delayMs) setTimeout(() => to.destroyed || to.write(chunk), delayMs)
      else to.write(chunk)
    })
    from.on('close', async () => {
      all.delete(from)
      await sleep(delayMs)
      to.destroy()
    })
  }
}

function killGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL')
  } catch {
    // Gone already.
  }
}
