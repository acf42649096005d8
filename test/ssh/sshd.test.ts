import { execFileSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir, userInfo } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import {
  askOf,
  busyPathOf,
  type Connection,
  type ConnectOptions,
  connect,
  exec,
  openSession,
  remote,
  writeFile,
} from '../../lib/ssh/index.ts'
import { tandem } from '../cli/spawn.ts'
import { keyAt, noSshd, type Sshd, startSshd } from './openssh.ts'
import { newKey } from './server.ts'
import { gone } from './shells.ts'

// Each command pays for the start-up files of the login shell, which may take half a second.
vi.setConfig({ testTimeout: 90_000 })

const timeout = 60_000
const { uid, gid, username } = userInfo()

// By the ssh2 library, and by an OpenSSH client whose master carries the channels.
const carriers = [
  { carrier: 'ssh2', sshConfig: 'none' },
  { carrier: 'OpenSSH', sshConfig: '/dev/null' },
]

describe.skipIf(noSshd).each(carriers)(`OpenSSH's own server, by $carrier`, ({ sshConfig }) => {
  const root = mkdtempSync(join(tmpdir(), 'tandem-login-'))
  let server: Sshd
  let options: ConnectOptions
  let c: Connection

  beforeAll(async () => {
    const identity = keyAt(join(root, 'id'))
    // A parent between sshd and the shell, as the real one is, but without anybody's rules.
    writeFileSync(join(root, 'sudo'), '#!/bin/sh\nshift 2\n"$@"\nexit $?\n', { mode: 0o755 })
    server = await startSshd([readFileSync(`${identity}.pub`, 'utf8')], () => [
      `SetEnv PATH=${root}:${process.env.PATH}`,
    ])
    const { port } = server
    writeFileSync(join(root, 'known_hosts'), `[127.0.0.1]:${port} ${server.hostKey}\n`)
    options = {
      name: 'M1',
      address: '127.0.0.1',
      port,
      user: username,
      sshConfig,
      identityFiles: [identity],
      knownHosts: [join(root, 'known_hosts')],
      connectTimeoutMs: 20_000,
      keepaliveMs: 30_000,
    }
    c = await connect(options)
  })
  afterAll(async () => {
    await c?.close()
    server?.stop()
    rmSync(root, { recursive: true })
  })

  test('runs scripts, with input and exit codes', async () => {
    const output = await exec(c, 'cat; echo err >&2; exit 3', { stdin: 'in' })
    expect(output).toEqual({ stdout: 'in', stderr: 'err\n', exitCode: 3 })
  })

  test('answers questions over a session, large ones too', async () => {
    const session = await openSession(c, { timeoutMs: 20_000 })
    const $ = askOf(session)
    const answers = await Promise.all([
      $`echo ${"it's"}`,
      $`head -c 3000000 /dev/zero`,
      $`exit 7`.nothrow(),
      $`cat`.input('x'),
    ])
    expect(answers.map((a) => a.stdout.length)).toEqual([5, 3_000_000, 0, 1])
    await expect($`sleep 30`.within(300)).rejects.toThrow('no answer within')
    await expect($`yes`).rejects.toThrow('more than 16777216 bytes')
    await expect($`kill -9 $$`).rejects.toThrow('ended the shell')
    expect((await $`echo on`).stdout).toBe('on\n')
    await session.close()
  })

  test('moves megabytes in both directions', async () => {
    const stdin = Buffer.alloc(8_000_000, 'a')
    const output = await exec(c, 'tee /dev/stderr', { stdin })
    expect([output.stdout.length, output.stderr.length]).toEqual([8_000_000, 8_000_000])
  })

  test('kills trees, and has room for that while all channels are in use', async () => {
    const pids = join(root, 'pids')
    const aborter = new AbortController()
    const script = `sh -c 'echo $$ >>${pids}; exec sleep 30' & wait`
    const { signal } = aborter
    const all = Array.from({ length: 8 }, () => exec(c, script, { signal }))
    setTimeout(() => aborter.abort(), 500)
    const ended = await Promise.allSettled(all)
    expect(ended.map((end) => end.status)).toEqual(Array(8).fill('rejected'))
    await gone(pids, 5)
  })

  test('runs more scripts at once than it has sessions', async () => {
    const outputs = await Promise.all(Array.from({ length: 30 }, (_, i) => exec(c, `echo ${i}`)))
    expect(outputs.map((o) => o.stdout)).toEqual(Array.from({ length: 30 }, (_, i) => `${i}\n`))
  })

  test("runs zx's $ and pipes", async () => {
    const $ = remote(c)
    expect((await $`echo abc`.pipe`tr a-c A-C`).stdout).toBe('ABC\n')
    const running = $`sleep 30`
    await running.kill()
    expect(await running.catch((error) => error.signal)).toBe('SIGTERM')
  })

  test('does not wait for a daemon that keeps the output open', async () => {
    expect((await exec(c, 'sleep 20 & echo up')).stdout).toBe('up\n')
  })

  test('writes files', async () => {
    const path = join(root, 'file')
    await writeFile(c, path, 'text\n', { mode: 0o600, owner: String(uid), group: String(gid) })
    expect((await exec(c, `cat ${path}; stat -c %a ${path}`)).stdout).toBe('text\n600\n')
  })

  test('frees the lock of a run that died, after the command it left behind', async () => {
    const lock = join(root, 'lock')
    const other = await connect(options)
    const session = await openSession(other, { timeoutMs: 20_000 })
    await session.lock({ path: lock, holder: 'first' })
    await new Promise<void>((resolve) => {
      const script = `echo up; sleep 1; echo done >${root}/left; sleep 1`
      const busyLock = busyPathOf(lock)
      exec(other, script, { busyLock, onStdout: () => resolve() }).catch(() => {})
    })
    other.destroy()
    const next = await openSession(c, { timeoutMs: 20_000 })
    const said: string[] = []
    await vi.waitFor(
      () => next.lock({ path: lock, holder: 'second', onWait: (text: string) => said.push(text) }),
      {
        timeout: 15_000,
      },
    )
    expect(said[0]).toMatch(/\(pid \d+, sleep 1\)/)
    expect((await next.ask(`cat ${root}/left`)).stdout).toBe('done\n')
    await next.close()
  })

  /** The command line on this server, its question answered once `name`.go exists. */
  function asking(name: string, onStdout?: Parameters<typeof tandem>[2]) {
    const mark = join(root, name)
    const env = {
      TEST_MARK: mark,
      TEST_PORT: String(options.port),
      TEST_USER: username,
      TEST_IDENTITY: join(root, 'id'),
      TEST_KNOWN_HOSTS: join(root, 'known_hosts'),
      TANDEM_INVENTORY: 'server',
    }
    const ended = tandem(['play', 'wait', '--output', 'plain'], env, onStdout)
    const asked = vi.waitFor(() => expect(existsSync(`${mark}.asked`)).toBe(true), {
      timeout: 15_000,
    })
    return { ended, asked, answer: () => writeFileSync(`${mark}.go`, '') }
  }

  test('makes a run wait for the question of one that was killed', { timeout }, async () => {
    let kill: (signal: NodeJS.Signals) => void = () => {}
    const first = asking('killed', (_, killer) => {
      kill = killer
    })
    await first.asked
    kill('SIGKILL')
    expect((await first.ended).code).toBe(null)
    const next = asking('killed', (text) => {
      if (text.includes('waiting for it')) first.answer()
    })
    const { stdout, code } = await next.ended
    expect(stdout.match(/.*waiting for it.*/g)).toEqual([
      expect.stringMatching(
        /S1.* a command that a killed run left behind \(\S+@\S+ \(process \d+\), pid \d+, .+\) still runs; waiting for it, at most 900 s$/,
      ),
    ])
    expect(stdout).toMatch(/^converged \(/m)
    expect(code).toBe(0)
  })

  test('refuses a second run at once while the first one lives', { timeout }, async () => {
    const first = asking('alive')
    await first.asked
    const second = await asking('alive').ended
    expect(second.stdout).toMatch(/another run holds the lock \S+: \S+@\S+ \(process \d+\)$/m)
    expect(second.stdout).not.toContain('waiting')
    expect(second.code).toBe(3)
    first.answer()
    expect((await first.ended).code).toBe(0)
  })

  test.each([false, true])('tells a leftover from a live holder, become %s', async (become) => {
    const lock = join(root, `lock-${become}`)
    const go = join(root, `go-${become}`)
    const [other, mine] = [
      await connect({ ...options, become }),
      await connect({ ...options, become }),
    ]
    const first = await openSession(other, { timeoutMs: 20_000 })
    await first.lock({ path: lock, holder: 'first' })
    first.ask(`until [ -e ${go} ]; do sleep 0.1; done; sleep 1`).catch(() => {})
    const next = await openSession(mine, { timeoutMs: 20_000 })
    const said: string[] = []
    const o = { path: lock, holder: 'second', onWait: (text: string) => said.push(text) }
    await expect(next.lock(o)).rejects.toThrow(`M1: another run holds the lock ${lock}: first`)
    other.destroy()
    await expect(next.lock({ ...o, limitMs: 3_000 })).rejects.toThrow(
      /^M1: a command that a killed run left behind \(first, pid \d+, .+\) still runs after 3 s and keeps the lock /,
    )
    expect(said).toHaveLength(1)
    writeFileSync(go, '')
    await next.lock(o)
    await next.close()
    await mine.close()
  })

  test('tells of a MaxSessions that is too small', async () => {
    const strict = await startSshd([readFileSync(join(root, 'id.pub'), 'utf8')], () => [
      'MaxSessions 1',
    ])
    const known = join(root, 'known_strict')
    writeFileSync(known, `[127.0.0.1]:${strict.port} ${strict.hostKey}\n`)
    const other = await connect({ ...options, port: strict.port, knownHosts: [known] })
    const session = await openSession(other, { timeoutMs: 20_000 })
    await expect(exec(other, 'true')).rejects.toThrow(
      "; MaxSessions of the host's sshd must be 3 or more",
    )
    expect((await session.ask('echo on')).stdout).toBe('on\n')
    await other.close()
    strict.stop()
  })

  test('refuses a wrong user with one sentence', async () => {
    const wrong = join(root, 'wrong')
    writeFileSync(wrong, newKey().private, { mode: 0o600 })
    await expect(connect({ ...options, identityFiles: [wrong] })).rejects.toThrow(
      /^M1: login as \S+ refused by 127\.0\.0\.1:\d+ \(tried: key .*wrong|ssh: \S+ Permission denied \(publickey.*\)\.\)$/,
    )
  })

  test('can be found in a hashed known_hosts file', async () => {
    const hashed = join(root, 'hashed')
    writeFileSync(hashed, execFileSync('cat', [join(root, 'known_hosts')]))
    execFileSync('ssh-keygen', ['-H', '-f', hashed], { stdio: 'ignore' })
    await (await connect({ ...options, knownHosts: [hashed] })).close()
  })
})
