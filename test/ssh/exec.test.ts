import { randomUUID } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { Interrupted } from '../../lib/core/errors.ts'
import { type Connection, connect, exec } from '../../lib/ssh/index.ts'
import { startServer, type TestServer } from './server.ts'
import { gone, shells } from './shells.ts'

vi.setConfig({ testTimeout: 20_000 })

describe.each(shells())('a script run by $name', ({ path }) => {
  let server: TestServer
  let c: Connection

  beforeAll(async () => {
    server = await startServer({ shell: path, binSh: path, maxSessions: 4 })
    c = await connect(server.options())
  })
  afterAll(async () => {
    await c.close()
    await server.close()
  })

  test('gives stdout, stderr and exit code apart', async () => {
    expect(await exec(c, 'echo out; echo err >&2; exit 3')).toEqual({
      stdout: 'out\n',
      stderr: 'err\n',
      exitCode: 3,
    })
  })

  test('gives null as the exit code of what a signal ended', async () => {
    expect((await exec(c, 'kill -9 $$')).exitCode).toBe(null)
  })

  test('reads its input and nothing of itself', async () => {
    const script = 'IFS= read -r first; printf "[%s]\\n" "$first"; cat\nread -r more || echo end'
    const output = await exec(c, script, { stdin: 'a\\b  \nrest' })
    expect(output.stdout).toBe('[a\\b  ]\nrestend\n')
    expect((await exec(c, 'cat')).stdout).toBe('')
  })

  test('passes binary input and output through', async () => {
    const stdin = Buffer.from(Array.from({ length: 300_000 }, (_, i) => i % 256))
    expect((await exec(c, 'cksum', { stdin })).stdout).toMatch(/^\d+ 300000/)
    const stream = Readable.from([Buffer.from('one '), Buffer.from('two')])
    expect((await exec(c, 'cat', { stdin: stream })).stdout).toBe('one two')
  })

  test('accepts scripts that no command line could hold', async () => {
    const script = `# ${'x'.repeat(200_000)}\n: '\\\n\t "'\necho "$#" done\n`
    expect((await exec(c, script)).stdout).toBe('0 done\n')
  })

  test('shows neither script nor input in the process list', async () => {
    // A word that no other process of this machine has in its command line.
    const word = randomUUID()
    const script = `: top${word}; cat >/dev/null; cat /proc/*/cmdline | tr '\\0' '\\n'`
    const { stdout } = await exec(c, script, { stdin: `also${word}` })
    expect(stdout).toContain('tandem_script')
    expect(stdout).not.toContain(word)
    expect(server.commands.join()).not.toContain(word)
  })

  test('tells of output as it comes, with characters kept whole', async () => {
    const heard: string[] = []
    const script = `printf '\\303'; sleep 0.1; printf '\\244\\n'; echo e >&2`
    await exec(c, script, { onStdout: (s) => heard.push(s), onStderr: (s) => heard.push(s) })
    expect(heard.join('')).toBe('ä\ne\n')
    expect(heard[0]?.[0]).toBe('ä')
  })

  test('kills the whole tree on time-out', async () => {
    const pids = join(server.root, 'pids')
    const script = `echo $$ >${pids}; sh -c 'echo $$ >>${pids}; exec sleep 30' & sleep 30`
    await expect(exec(c, script, { timeoutMs: 300 })).rejects.toThrow(
      /^M1: not done within 0.3 s: echo/,
    )
    await gone(pids, 2)
  })

  test('rejects with Interrupted when it is aborted, before or while it runs', async () => {
    const aborter = new AbortController()
    const onStdout = () => aborter.abort()
    const running = exec(c, 'echo go; sleep 30', { signal: aborter.signal, onStdout })
    await expect(running).rejects.toThrow(Interrupted)
    await expect(exec(c, 'true', { signal: aborter.signal })).rejects.toThrow('M1: interrupted')
  })

  test('ends with its command although a daemon keeps the output open', async () => {
    const { stdout, exitCode } = await exec(c, 'sleep 30 & echo started; exit 2')
    expect({ stdout, exitCode }).toEqual({ stdout: 'started\n', exitCode: 2 })
  })

  test('waits for a free channel where the server refuses more', async () => {
    const numbers = Array.from({ length: 12 }, (_, i) => i)
    const outputs = await Promise.all(numbers.map((i) => exec(c, `sleep 0.05; echo ${i}`)))
    expect(outputs.map((o) => Number(o.stdout))).toEqual(numbers)
  })
})

test('kills what ignores SIGTERM a little later', async () => {
  const server = await startServer()
  const c = await connect(server.options())
  const pids = join(server.root, 'pids')
  const child = `sh -c 'echo $$ >>${pids}; exec sleep 30'`
  const script = `trap '' TERM; echo $$ >${pids}; ${child} & sleep 30; sleep 30`
  await expect(exec(c, script, { timeoutMs: 300 })).rejects.toThrow(
    /^M1: not done within 0.3 s: trap/,
  )
  await gone(pids, 2)
  await c.close()
  await server.close()
})

test('kills the whole tree on a host without ps', async () => {
  const bin = mkdtempSync(join(tmpdir(), 'tandem-ps-'))
  writeFileSync(join(bin, 'ps'), '#!/bin/sh\nexit 1\n', { mode: 0o755 })
  const server = await startServer({ env: { PATH: `${bin}:/usr/bin:/bin` } })
  const c = await connect(server.options())
  const pids = join(server.root, 'pids')
  const script = `sh -c 'echo $$ >>${pids}; exec sleep 30' & (echo up; sleep 30)`
  await expect(exec(c, script, { timeoutMs: 300 })).rejects.toThrow('not done within')
  await gone(pids, 1)
  await c.close()
  await server.close()
  rmSync(bin, { recursive: true })
})
