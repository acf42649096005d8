import { type ChildProcess, execFile, execFileSync, spawn } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir, userInfo } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { Unreachable } from '../../lib/core/errors.ts'
import { type ConnectOptions, connect, exec } from '../../lib/ssh/index.ts'
import { freePort, keyAt, noSshd, type Sshd, startSshd } from './openssh.ts'

// Each command pays for the start-up files of the login shell, which may take half a second.
vi.setConfig({ testTimeout: 60_000 })

const { username } = userInfo()
const passphrase = 'a phrase of seven words'

/** What a configuration may name: files under `root` and the ports of three servers. */
interface Place {
  readonly root: string
  readonly near: number
  readonly middle: number
  readonly far: number
  readonly closed: number
}

interface Case {
  readonly title: string
  readonly config: (place: Place) => string
  readonly host?: string
  /** The port of the server that is reached; none where the login must fail. */
  readonly reaches: ((place: Place) => number) | undefined
  /** What both say where it fails. */
  readonly says?: RegExp
  readonly agent?: boolean
  readonly asks?: boolean
}

const common = ({ root }: Place) => `UserKnownHostsFile ${root}/known_hosts\nUser ${username}\n`
const far = (place: Place) => place.far

/** An administrator's ways to say how a host is reached. */
const cases: readonly Case[] = [
  {
    title: 'an alias: HostName, Port, User, IdentityFile with a token',
    config: (p) => `Host m1
  HostName 127.0.0.1
  Port ${p.far}
  IdentityFile ${p.root}/keys/%n
  IdentitiesOnly yes
  ${common(p)}`,
    reaches: far,
  },
  {
    title: 'an included file, and the first value counts',
    config: (p) => {
      writeFileSync(join(p.root, 'included'), `Host m1\n  Port ${p.far}\n`)
      return `Include ${p.root}/included
Host m*
  HostName 127.0.0.1
  Port ${p.closed}
  IdentityFile ${p.root}/keys/m1
  ${common(p)}`
    },
    reaches: far,
  },
  {
    title: 'Match exec and Match host',
    config: (p) => `Match originalhost m1 exec "test -e ${p.root}/keys"
  HostName 127.0.0.1
  Port ${p.far}
Match host 127.0.0.1
  IdentityFile ${p.root}/keys/m1
  ${common(p)}`,
    reaches: far,
  },
  {
    title: 'ProxyJump over two hosts, each with its own key',
    config: (p) => `Host near
  Port ${p.near}
  IdentityFile ${p.root}/keys/near
Host middle
  Port ${p.middle}
  IdentityFile ${p.root}/keys/middle
Host m1
  ProxyJump near,middle
  Port ${p.far}
  IdentityFile ${p.root}/keys/m1
Host *
  HostName 127.0.0.1
  IdentitiesOnly yes
  ${common(p)}`,
    reaches: far,
  },
  {
    title: 'a jump host that is itself behind one, with user and port in the word',
    config: (p) => `Host near
  Port ${p.near}
  IdentityFile ${p.root}/keys/near
Host middle
  ProxyJump ${username}@near:${p.near}
  IdentityFile ${p.root}/keys/middle
Host m1
  ProxyJump middle:${p.middle}
  Port ${p.far}
  IdentityFile ${p.root}/keys/m1
Host *
  HostName 127.0.0.1
  ${common(p)}`,
    reaches: far,
  },
  {
    title: 'ProxyCommand with tokens',
    config: (p) => `Host near
  HostName 127.0.0.1
  Port ${p.near}
  IdentityFile ${p.root}/keys/near
Host m1
  HostName localhost
  HostKeyAlias far.test
  Port ${p.far}
  ProxyCommand ssh -F ${p.root}/config -W 127.0.0.1:%p near
  IdentityFile ${p.root}/keys/m1
Host *
  ${common(p)}`,
    reaches: far,
  },
  {
    title: 'an encrypted key in an agent, chosen by its public half among many',
    config: (p) => `Host m1
  HostName 127.0.0.1
  Port ${p.far}
  IdentityAgent ${p.root}/agent
  IdentityFile ${p.root}/keys/sealed.pub
  IdentitiesOnly yes
  ${common(p)}`,
    reaches: far,
  },
  {
    title: "the environment's agent, forwarded",
    config: (p) => `Host m1
  HostName 127.0.0.1
  Port ${p.far}
  IdentityFile ${p.root}/keys/sealed
  ForwardAgent yes
  ${common(p)}`,
    agent: true,
    reaches: far,
  },
  {
    title: 'an encrypted key and a question for its passphrase',
    config: (p) => `Host m1
  HostName 127.0.0.1
  Port ${p.far}
  IdentityFile ${p.root}/keys/sealed
  ${common(p)}`,
    asks: true,
    reaches: far,
  },
  {
    title: 'a certificate of the user, and an authority for the host under an alias',
    config: (p) => `Host m1
  HostName 127.0.0.1
  Port ${p.far}
  HostKeyAlias far.test
  UserKnownHostsFile ${p.root}/authorities
  IdentityFile ${p.root}/keys/certified
  IdentitiesOnly yes
  ${common(p)}`,
    reaches: far,
  },
  {
    title: 'a new host, with accept-new',
    config: (p) => `Host m1
  HostName 127.0.0.1
  Port ${p.far}
  StrictHostKeyChecking accept-new
  UserKnownHostsFile ${p.root}/new_hosts
  IdentityFile ${p.root}/keys/m1
  ${common(p)}`,
    reaches: far,
  },
  {
    title: 'a new host without it',
    config: (p) => `Host m1
  HostName 127.0.0.1
  Port ${p.far}
  UserKnownHostsFile ${p.root}/none
  IdentityFile ${p.root}/keys/m1
  ${common(p)}`,
    reaches: undefined,
    says: /Host key verification failed/,
  },
  {
    title: "ciphers, key exchange, compression, keepalives and time-outs of one's own",
    config: (p) => `Host m1
  HostName 127.0.0.1
  Port ${p.far}
  IdentityFile ${p.root}/keys/m1
  Ciphers aes128-ctr
  KexAlgorithms sntrup761x25519-sha512@openssh.com
  Compression yes
  ServerAliveInterval 7
  ConnectTimeout 9
  ControlMaster auto
  ControlPath ${p.root}/own-%C
  ControlPersist 60
  LocalForward ${p.closed} 127.0.0.1:1
  RemoteCommand false
  RequestTTY force
  ${common(p)}`,
    reaches: far,
  },
  {
    title: 'a key that may not log in',
    config: (p) => `Host m1
  HostName 127.0.0.1
  Port ${p.far}
  IdentityFile ${p.root}/keys/near
  IdentitiesOnly yes
  ${common(p)}`,
    reaches: undefined,
    says: /Permission denied \(publickey/,
  },
  {
    title: 'a word that ssh does not know',
    config: (p) => `Host m1\n  HostNam 127.0.0.1\n  ${common(p)}`,
    reaches: undefined,
    says: /line 2: Bad configuration option: hostnam/,
  },
]

describe.skipIf(noSshd)(`as ssh does${noSshd ? ` (${noSshd})` : ''}`, () => {
  const root = mkdtempSync(join(tmpdir(), 'tandem-config-'))
  const servers: Sshd[] = []
  let place: Place
  let agent: ChildProcess

  beforeAll(async () => {
    mkdirSync(join(root, 'keys'))
    const key = (name: string, phrase?: string) =>
      readFileSync(`${keyAt(join(root, 'keys', name), phrase)}.pub`, 'utf8').trim()
    const [m1, near, middle, sealed] = [
      key('m1'),
      key('near'),
      key('middle'),
      key('sealed', passphrase),
    ]
    key('certified')
    const authority = key('authority')
    execFileSync('ssh-keygen', [
      ...['-q', '-s', join(root, 'keys/authority'), '-I', 'test', '-n', username],
      join(root, 'keys/certified.pub'),
    ])
    const farConfig = (own: string) => {
      writeFileSync(join(own, 'authority.pub'), authority)
      execFileSync('ssh-keygen', [
        ...['-q', '-s', join(root, 'keys/authority'), '-I', 'host', '-h', '-n', 'far.test'],
        join(own, 'host_key.pub'),
      ])
      return [`TrustedUserCAKeys ${own}/authority.pub`, `HostCertificate ${own}/host_key-cert.pub`]
    }
    const [one, two, three] = [
      await startSshd([near]),
      await startSshd([middle]),
      await startSshd([m1, sealed], farConfig),
    ]
    servers.push(one, two, three)
    place = {
      ...{ root, near: one.port, middle: two.port, far: three.port },
      closed: await freePort(),
    }
    const known = servers.map(({ port, hostKey }) => `[127.0.0.1]:${port} ${hostKey}`)
    writeFileSync(join(root, 'known_hosts'), [...known, `far.test ${three.hostKey}`].join('\n'))
    writeFileSync(join(root, 'authorities'), `@cert-authority far.test ${authority}\n`)
    writeFileSync(join(root, 'askpass'), `#!/bin/sh\necho '${passphrase}'\n`, { mode: 0o700 })
    agent = spawn('ssh-agent', ['-D', '-a', join(root, 'agent')], { stdio: 'ignore' })
    await vi.waitFor(() => expect(existsSync(join(root, 'agent'))).toBe(true))
    // More keys than a server lets anybody try: the right one must be chosen.
    const many = Array.from({ length: 8 }, (_, i) => `other${i}`)
    for (const name of many) key(name)
    execFileSync(
      'ssh-add',
      ['-q', ...[...many, 'sealed'].map((name) => join(root, 'keys', name))],
      { env: asking({ SSH_AUTH_SOCK: join(root, 'agent') }), stdio: 'ignore' },
    )
  })
  afterAll(() => {
    for (const server of servers) server.stop()
    agent?.kill('SIGTERM')
    rmSync(root, { recursive: true })
  })

  const asking = (more: NodeJS.ProcessEnv) => ({
    ...process.env,
    SSH_ASKPASS: join(root, 'askpass'),
    SSH_ASKPASS_REQUIRE: 'force',
    ...more,
  })

  const options = (changes: Partial<ConnectOptions> = {}): ConnectOptions => ({
    name: 'M1',
    address: 'm1',
    sshConfig: join(root, 'config'),
    connectTimeoutMs: 20_000,
    keepaliveMs: 5_000,
    ...changes,
  })

  const question =
    'echo "$SSH_CONNECTION" | cut -d" " -f4; [ -z "$SSH_AUTH_SOCK" ] || ssh-add -L | tail -n 1 | cut -c1-60'

  /** What OpenSSH's own client makes of it. */
  function openSsh({ asks, agent: hasAgent }: Case) {
    const env = {
      ...(asks ? asking({}) : process.env),
      SSH_AUTH_SOCK: hasAgent ? join(root, 'agent') : '',
    }
    const words = ['-F', join(root, 'config'), '-o', 'RemoteCommand=none', '-o', 'ControlPath=none']
    const batch = asks ? [] : ['-o', 'BatchMode=yes']
    return new Promise<{ code: number; out: string; err: string }>((resolve) => {
      execFile(
        'ssh',
        [...words, ...batch, '-o', 'RequestTTY=no', 'm1', question],
        { env },
        (error, out, err) => resolve({ code: Number(error?.code ?? 0), out, err }),
      )
    })
  }

  test.each(cases)('$title', async (one) => {
    writeFileSync(join(root, 'config'), one.config(place))
    const theirs = await openSsh(one)
    // What it has learned, we must learn ourselves.
    rmSync(join(root, 'new_hosts'), { force: true })
    const asked: string[] = []
    const ask = async ({ text }: { text: string }) => {
      asked.push(text)
      return passphrase
    }
    const login = connect(
      options({ ...(one.asks && { ask }), ...(one.agent && { agent: join(root, 'agent') }) }),
    )
    if (!one.reaches) {
      const error = await login.catch((reason) => reason)
      expect(theirs.code).toBe(255)
      expect(theirs.err).toMatch(one.says as RegExp)
      expect(error).toBeInstanceOf(Unreachable)
      expect(error.message).toMatch(one.says as RegExp)
      expect(error.message).toMatch(/^M1: [^\n]*$/)
      return
    }
    expect(theirs.err).not.toMatch(/denied|failed/)
    const c = await login
    const ours = await exec(c, question)
    await c.close()
    expect(ours.stdout).toBe(theirs.out)
    expect(ours.stdout).toMatch(new RegExp(`^${one.reaches(place)}\n`))
    expect(ours.stdout.includes('ssh-ed25519')).toBe(one.agent === true)
    expect(asked).toEqual(one.asks ? [expect.stringContaining('keys/sealed')] : [])
    expect(existsSync(join(root, 'new_hosts'))).toBe(one.title.includes('accept-new'))
    expect(execFileSync('ls', [tmpdir()], { encoding: 'utf8' })).not.toMatch(/own-/)
  })
})
