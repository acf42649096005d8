import { type ChildProcess, execFile, execFileSync, spawn } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir, userInfo } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { Unreachable } from '../../lib/core/errors.ts'
import { type ConnectOptions, connect, exec } from '../../lib/ssh/index.ts'
import { tandem } from '../cli/spawn.ts'
import { putAsking } from './asking.ts'
import { type Case, cases, type Place } from './configurations.ts'
import { freePort, keyAt, noSshd, type Sshd, startSshd } from './openssh.ts'

// Each command pays for the start-up files of the login shell, which may take half a second.
vi.setConfig({ testTimeout: 60_000 })

const { username } = userInfo()
const word = 'a word for sudo'
const passphrase = 'a phrase of seven words'

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
      mkdirSync(join(root, 'bin'))
      putAsking(join(root, 'bin'), word)
      return [
        `SetEnv PATH=${root}/bin:${process.env.PATH}`,
        `TrustedUserCAKeys ${own}/authority.pub`,
        `HostCertificate ${own}/host_key-cert.pub`,
      ]
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

  /** Two jump hosts, an encrypted key that the agent holds. */
  const administrators = () => `Host near
  Port ${place.near}
  IdentityFile ${root}/keys/near
Host middle
  Port ${place.middle}
  IdentityFile ${root}/keys/middle
Host m1
  ProxyJump near,middle
  Port ${place.far}
  IdentityFile ${root}/keys/sealed
Host *
  HostName 127.0.0.1
  IdentityAgent ${root}/agent
  IdentitiesOnly yes
  UserKnownHostsFile ${root}/known_hosts
  User ${username}
`

  test('a whole run: alias, two jump hosts, a key in an agent, a password of sudo', async () => {
    const config = join(root, 'config')
    writeFileSync(config, administrators())
    const mark = join(root, 'mark')
    const env = {
      TEST_SSH_CONFIG: config,
      TEST_MARK: mark,
      TEST_BECOME: 'yes',
      TANDEM_INVENTORY: 'server',
    }
    const words = ['play', 'mark', '-K', '--output', 'plain']
    const wrong = await tandem(words, env, undefined, undefined, 'no word of mine\n')
    expect(wrong.stdout).toMatch(/may not sudo: the password is wrong/)
    expect([wrong.code, existsSync(mark)]).toEqual([3, false])
    const first = await tandem(words, env, undefined, undefined, `${word}\n`)
    expect(first).toMatchObject({ code: 0, stdout: expect.stringMatching(/^S1 +1 +1 +0/m) })
    expect(readFileSync(mark, 'utf8')).toBe('set\n')
    const second = await tandem(words, env, undefined, undefined, `${word}\n`)
    expect(second).toMatchObject({ code: 0, stdout: expect.stringMatching(/^S1 +2 +0 +0/m) })
    expect(first.stdout + first.stderr + second.stdout).not.toContain(word)
  })

  test('a killed run leaves no ssh behind', async () => {
    const config = join(root, 'config')
    writeFileSync(config, administrators())
    const mark = join(root, 'killed')
    const env = { TEST_SSH_CONFIG: config, TEST_MARK: mark, TANDEM_INVENTORY: 'server' }
    const masters = () =>
      execFileSync('ps', ['axww', '-o', 'args'], { encoding: 'utf8' })
        .split('\n')
        .filter((line) => /^ssh .*-M /.test(line) && line.includes(config))
    let kill: (signal: NodeJS.Signals) => void = () => {}
    const run = tandem(['play', 'wait', '--output', 'plain'], env, (_, killer) => {
      kill = killer
    })
    await vi.waitFor(() => expect(existsSync(`${mark}.asked`)).toBe(true), { timeout: 30_000 })
    expect(masters()).toHaveLength(3)
    kill('SIGKILL')
    expect((await run).code).toBe(null)
    writeFileSync(`${mark}.go`, '')
    await vi.waitFor(() => expect(masters()).toEqual([]), { timeout: 10_000 })
  })

  test('a jump host that leads nowhere is told with its reason', async () => {
    const text = administrators().replace(`Port ${place.far}`, `Port ${place.closed}`)
    writeFileSync(join(root, 'config'), text)
    await expect(connect(options())).rejects.toThrow(
      `M1: the jump host middle cannot reach 127.0.0.1:${place.closed}: Connection refused`,
    )
  })

  test('forty hosts behind one jump host share one login to it', async () => {
    writeFileSync(join(root, 'config'), administrators())
    const [near] = servers as [Sshd]
    const before = near.log().match(/Accepted publickey/g)?.length ?? 0
    const names = Array.from({ length: 40 }, (_, i) => `H${i}`)
    // All of them one server, which drops what is above its MaxStartups: harder than forty of them.
    const all = await Promise.all(
      names.map((name) => connect(options({ name, connectTimeoutMs: 50_000 }))),
    )
    const outputs = await Promise.all(all.map((c) => exec(c, `echo ${c.name}`)))
    expect(outputs.map(({ stdout }) => stdout)).toEqual(names.map((name) => `${name}\n`))
    await Promise.all(all.map((c) => c.close()))
    const logins = (near.log().match(/Accepted publickey/g)?.length ?? 0) - before
    // None where the one of the test before was still there.
    expect(logins).toBeLessThanOrEqual(1)
  })
})
