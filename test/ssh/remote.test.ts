import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { $ as local, type Shell } from 'zx/core'
import { type Connection, connect, remote } from '../../lib/ssh/index.ts'
import { startServer, type TestServer } from './server.ts'
import { gone, shells } from './shells.ts'

vi.setConfig({ testTimeout: 20_000 })

describe.each(shells())("zx's $ on a host with $name", ({ path }) => {
  let server: TestServer
  let c: Connection
  let $: Shell

  beforeAll(async () => {
    server = await startServer({ shell: path, binSh: path, env: { WHERE: 'host' } })
    c = await connect(server.options())
    $ = remote(c)
  })
  afterAll(async () => {
    await c.close()
    await server.close()
  })

  test('runs there, not here, in the home directory, with the environment of the host', async () => {
    expect((await $`echo $WHERE $PWD`).stdout).toBe(`host ${server.root}\n`)
  })

  test('quotes for any POSIX shell', async () => {
    expect((await $`printf '%s|' ${["it's", '', '$x\n', '\\n']}`).stdout).toBe("it's||$x\n|\\n|")
  })

  test('fails with exit code, stderr and the line of the role', async () => {
    const error = await $`echo why >&2; exit 4`.catch((reason) => reason)
    expect(error.exitCode).toBe(4)
    expect(error.message).toMatch(/^why\n[\s\S]*at .*remote\.test\.ts:\d+/)
    expect(error.message).toContain('exit code: 4')
  })

  test('keeps nothrow, options and the line through chained calls', async () => {
    const output = await $({ nothrow: true })({ quiet: true })`exit 5`
    expect(output.exitCode).toBe(5)
    const error = await $({ quiet: true })`exit 6`.catch((reason) => reason)
    expect(error.message).toContain('remote.test.ts')
  })

  test('ends stdin unless something is connected to it', async () => {
    expect((await $`cat; echo end`).stdout).toBe('end\n')
    expect((await $({ input: 'given' })`cat`).stdout).toBe('given')
    const written = $`cat`
    written.stdin.end('written')
    expect((await written).stdout).toBe('written')
    const slow = $({ stdio: 'pipe' })`cat`
    setTimeout(() => slow.stdin.end('late'), 100)
    expect((await slow).stdout).toBe('late')
  })

  test('pipes between commands of the host', async () => {
    expect((await $`echo abc; echo x`.pipe($`tr a-c A-C`)).stdout).toBe('ABC\nx\n')
    expect((await $`echo $WHERE`.pipe`cat; echo $WHERE`.pipe`sort -u`).stdout).toBe('host\n')
  })

  test('pipes from this machine to the host and back', async () => {
    expect((await local`echo here`.pipe($`cat; echo $WHERE`)).stdout).toBe('here\nhost\n')
    expect((await $`echo $WHERE`.pipe(local`cat; echo back`)).stdout).toBe('host\nback\n')
  })

  test('fails at the end of a pipe whose head failed', async () => {
    const error = await $`exit 3`.pipe($`cat`).catch((reason) => reason)
    expect(error.exitCode).toBe(3)
  })

  test('keeps UTF-8 whole across chunks, and long output complete', async () => {
    expect((await $`printf '\\303'; sleep 0.1; printf '\\244'`).stdout).toBe('ä')
    const { stdout } = await $`head -c 2000000 /dev/zero | tr '\\0' z`
    expect(stdout).toBe('z'.repeat(2_000_000))
  })

  test('reads lines while the command runs', async () => {
    const lines: string[] = []
    for await (const line of $`echo a; sleep 0.1; echo b`) lines.push(line)
    expect(lines).toEqual(['a', 'b'])
  })

  test('kills on the host by a pid that is no number', async () => {
    const pids = join(server.root, 'pids')
    const running = $`echo $$ >${pids}; sh -c ${`echo $$ >>${pids}; sleep 30`}; echo no`
    await vi.waitFor(() => expect(readFileSync(pids, 'utf8')).toMatch(/\n.*\n/))
    expect(running.pid).toMatch(/^ssh:\d+$/)
    await running.kill()
    expect(await running.catch((reason) => reason.signal)).toBe('SIGTERM')
    const early = $({ nothrow: true })`exec sleep 31`
    void early.kill('SIGKILL')
    expect((await early).signal).toBe('SIGKILL')
    await gone(pids, 2)
  })

  test('still kills local processes locally', async () => {
    const running = local({ nothrow: true })`sleep 30`
    await running.kill()
    expect((await running).signal).toBe('SIGTERM')
  })

  test('times out and aborts', async () => {
    expect(await $`sleep 30`.timeout('100ms').catch((reason) => reason.signal)).toBe('SIGTERM')
    const running = $`sleep 30`
    setTimeout(() => running.abort(), 50)
    const error = await running.catch((reason) => reason)
    expect(error.message).toContain('aborted')
    const aborter = new AbortController()
    const all = remote(c, { signal: aborter.signal })`sleep 30`
    setTimeout(() => aborter.abort(), 50)
    await expect(all).rejects.toThrow('aborted')
  })

  test('takes cwd and env as the ones of the host', async () => {
    const output = await $({ cwd: '/', env: { A: "it's" } })`echo $PWD $A $WHERE`
    expect(output.stdout).toBe("/ it's host\n")
  })

  test('refuses to run synchronously', () => {
    expect(() => $({ sync: true })`true`).toThrow('cannot run synchronously')
    expect(() => $.sync`true`).toThrow('cannot run synchronously')
  })

  test('logs nothing, not even when it is told to', async () => {
    const write = vi.spyOn(process.stderr, 'write')
    await $({ verbose: true, quiet: false })`echo secret; echo secret >&2`
    expect(write).not.toHaveBeenCalled()
    write.mockRestore()
  })

  test('says that the connection was lost', async () => {
    const own = await startServer()
    const connection = await connect(own.options())
    const running = remote(connection)`echo up; sleep 30`
    running.stdout.once('data', () => own.drop())
    const error = await running.catch((reason) => reason)
    expect(error.message).toMatch(/^M1: connection to 127\.0\.0\.1:\d+ closed[\s\S]*ECONNRESET/)
    expect(error.message).toContain('remote.test.ts')
    await own.close()
  })
})

test('becomes root through sudo -n', async () => {
  const bin = mkdtempSync(join(tmpdir(), 'tandem-sudo-'))
  const sudo = '#!/bin/sh\n[ "$1 $2" = "-n --" ] || exit 9\nshift 2; SUDO=yes exec "$@"\n'
  writeFileSync(join(bin, 'sudo'), sudo, { mode: 0o755 })
  const server = await startServer({ env: { PATH: `${bin}:/usr/bin:/bin` } })
  const c = await connect(server.options({ become: true }))
  const $ = remote(c, { busyLock: join(server.root, 'busy') })
  expect((await $`echo $SUDO`).stdout).toBe('yes\n')
  const running = $`sleep 30`
  await running.kill()
  expect(await running.catch((reason) => reason.signal)).toBe('SIGTERM')
  await c.close()
  await server.close()
})
