import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir, userInfo } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { Interrupted, Unreachable } from '../../lib/core/errors.ts'
import { type ConnectOptions, connect, exec } from '../../lib/ssh/index.ts'
import { keyAt, noSshd, type Sshd, startSshd } from './openssh.ts'
import { which } from './shells.ts'

vi.setConfig({ testTimeout: 60_000 })

const { username } = userInfo()
const passphrase = 'seven times seven'

describe.skipIf(noSshd)('when OpenSSH carries the connection', () => {
  const root = mkdtempSync(join(tmpdir(), 'tandem-trouble-'))
  let server: Sshd
  let agent: ChildProcess

  beforeAll(async () => {
    const keys = [keyAt(join(root, 'id')), keyAt(join(root, 'sealed'), passphrase)]
    const authorized = keys.map((key) => readFileSync(`${key}.pub`, 'utf8').trim())
    // It asks whether the client still lives, and wants an answer.
    server = await startSshd(authorized, () => ['ClientAliveInterval 1', 'ClientAliveCountMax 2'])
    writeFileSync(join(root, 'known_hosts'), `[127.0.0.1]:${server.port} ${server.hostKey}\n`)
    agent = spawn('ssh-agent', ['-D', '-a', join(root, 'agent')], { stdio: 'ignore' })
    await vi.waitFor(() => expect(existsSync(join(root, 'agent'))).toBe(true))
  })
  afterAll(() => {
    server?.stop()
    agent?.kill('SIGTERM')
    rmSync(root, { recursive: true })
  })

  /** Connects with a configuration for m1 that has these lines too. */
  function login(lines: string, changes: Partial<ConnectOptions> = {}) {
    const config = join(root, 'config')
    writeFileSync(
      config,
      `Host m1
  ${lines}
Host *
  HostName 127.0.0.1
  Port ${server.port}
  User ${username}
  UserKnownHostsFile ${root}/known_hosts
  IdentitiesOnly yes
Match all
  ${lines.includes('IdentityFile') ? '' : `IdentityFile ${root}/id`}
`,
    )
    return connect({
      name: 'M1',
      address: 'm1',
      sshConfig: config,
      connectTimeoutMs: 15_000,
      keepaliveMs: 5_000,
      ...changes,
    })
  }

  const refusal = (lines: string, changes: Partial<ConnectOptions> = {}): Promise<Error> =>
    login(lines, changes).then(
      () => new Error('it logged in'),
      (error) => error,
    )
  const running = (text: string) =>
    execFileSync('ps', ['axww', '-o', 'args'], { encoding: 'utf8' })
      .split('\n')
      .filter((line) => line.includes(text) && !line.startsWith('ps '))

  test("a server's question whether we live is answered", async () => {
    const c = await login('ServerAliveInterval 60')
    expect((await exec(c, 'sleep 5; echo on')).stdout).toBe('on\n')
    await c.close()
  })

  test('no known_hosts means that no host is known', async () => {
    expect((await refusal('', { knownHosts: [] })).message).toMatch(/Host key verification failed/)
  })

  test.each(['', 'LogLevel QUIET'])('a refused key is told as that %s', async (level) => {
    const other = keyAt(join(root, `other${level.length}`))
    const error = await refusal(`${level}\n  IdentityFile ${other}`)
    expect(error.message).toMatch(/^M1: login as \S+ refused by .*Permission denied/)
  })

  test('a host key that has changed is told with its line', async () => {
    const changed = join(root, 'changed')
    const other = readFileSync(`${keyAt(join(root, 'other_host'))}.pub`, 'utf8')
    writeFileSync(changed, `[127.0.0.1]:${server.port} ${other}`)
    const error = await refusal(`UserKnownHostsFile ${changed}`)
    expect(error.message).toMatch(
      /^M1: host key of 127\.0\.0\.1:\d+ is not the one in .*changed:1 \(got SHA256:\S+\); if the machine/,
    )
  })

  test('a command of Match exec that leaves something running holds nobody up', async () => {
    const c = await login('User nobody\nMatch exec "setsid sleep 3 & :"', {
      connectTimeoutMs: 2_000,
      user: username,
    })
    await c.close()
  })

  test('a jump host that is reached through itself is told', async () => {
    const error = await refusal(
      'ProxyJump one\nHost one\n  ProxyJump two\nHost two\n  ProxyJump one',
    )
    expect(error).toBeInstanceOf(Unreachable)
    expect(error.message).toBe('M1: the jump host one is reached through itself')
  })

  test.each([
    ['a space', 'csh', '/with space'],
    ["ssh's own signs", 'sh', '/%h-$USER'],
    ['a quote', 'fish', "/it's"],
  ])('jumps from a folder for temporary files with %s, and from %s', async (_, shell, folder) => {
    const temporary = `${root}${folder}`
    mkdirSync(temporary)
    vi.stubEnv('TMPDIR', temporary)
    vi.stubEnv('SHELL', which(shell) ?? '/bin/sh')
    try {
      const c = await login('ProxyJump one')
      expect((await exec(c, 'echo on')).stdout).toBe('on\n')
      await c.close()
    } finally {
      vi.unstubAllEnvs()
    }
  })

  test('ends though a program keeps what ssh says to', async () => {
    const c = await login('PermitLocalCommand yes\n  LocalCommand sleep 33 &')
    await c.close()
    expect(c.lost.aborted).toBe(true)
    await vi.waitFor(() => expect(running('sleep 33')).toEqual([]))
  })

  test.each([
    ['ProxyCommand sleep 34', /did not log in within 1 s/, 'sleep 34'],
    ['Match exec "sleep 35"', /did not end within 1 s \(a command of Match exec\?\)/, 'sleep 35'],
    ['PermitLocalCommand yes\n  LocalCommand sleep 36', /did not log in within 1 s/, 'sleep 36'],
  ])('%s: the time limit holds, and nothing is left', async (lines, sentence, left) => {
    const error = await refusal(lines, { connectTimeoutMs: 1_000 })
    expect(error).toBeInstanceOf(Unreachable)
    expect(error.message).toMatch(sentence)
    await vi.waitFor(() => expect(running(left)).toEqual([]), { timeout: 5_000 })
  })

  const sealed = () => `IdentityFile ${root}/sealed`

  test('a question that is refused ends the login, and ssh does not ask again', async () => {
    let asked = 0
    const ask = async () => {
      asked++
      throw new Interrupted('no')
    }
    expect(await refusal(sealed(), { ask })).toBeInstanceOf(Interrupted)
    expect(asked).toBe(1)
    await vi.waitFor(() => expect(running(join(root, 'config'))).toEqual([]))
  })

  test('a question that stays open is no reason to miss an interrupt', async () => {
    const stop = new AbortController()
    const ask = () => {
      stop.abort()
      return new Promise<string>(() => {})
    }
    expect(await refusal(sealed(), { ask, signal: stop.signal })).toBeInstanceOf(Interrupted)
    await vi.waitFor(() => expect(running(join(root, 'config'))).toEqual([]))
  })

  test('a wrong passphrase is told as such to whoever is asked', async () => {
    const lasts: (string | undefined)[] = []
    const ask = async ({ last }: { last?: string | undefined }) => {
      lasts.push(last)
      return last === undefined ? 'a slip' : passphrase
    }
    const c = await login(sealed(), { ask, connectTimeoutMs: 2_000 })
    await c.close()
    expect(lasts).toEqual([undefined, 'a slip'])
  })

  test.each([
    ['no', 0],
    ['y', 1],
  ])('%s to a question of yes and no is that', async (answer, keys) => {
    const env = { ...process.env, SSH_AUTH_SOCK: join(root, 'agent') }
    const ask = async ({ kind }: { kind?: string | undefined }) =>
      kind === 'confirm' ? answer : passphrase
    const c = await login(`AddKeysToAgent ask\n  ${sealed()}`, { ask, agent: join(root, 'agent') })
    await c.close()
    const held = execFileSync('sh', ['-c', 'ssh-add -l | grep -c SHA256 || :'], { env })
    expect(Number(held)).toBe(keys)
  })
})
