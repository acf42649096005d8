import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { Unreachable } from '../../lib/core/errors.ts'
import { askOf, type Connection, connect, openSession, type Session } from '../../lib/ssh/index.ts'
import { startServer, type TestServer } from './server.ts'
import { gone, shells } from './shells.ts'

vi.setConfig({ testTimeout: 20_000 })
const limit = { timeoutMs: 20_000 }

describe.each(shells())('a session over $name', ({ path }) => {
  let server: TestServer
  let c: Connection
  let session: Session

  beforeAll(async () => {
    server = await startServer({ shell: path, binSh: path })
    c = await connect(server.options())
    session = await openSession(c, limit)
  })
  afterAll(async () => {
    await session.close()
    await c.close()
    await server.close()
  })

  const hostile: [title: string, script: string, answer: object][] = [
    ['output without a line feed', 'printf abc', { stdout: 'abc', exitCode: 0 }],
    ['no output at all', ':', { stdout: '', stderr: '', exitCode: 0 }],
    ['stderr apart', 'echo a; echo b >&2', { stdout: 'a\n', stderr: 'b\n', exitCode: 0 }],
    ['exit 3', 'exit 3', { exitCode: 3 }],
    ['exec >/dev/null', 'exec >/dev/null 2>&1; echo lost', { stdout: '', stderr: '', exitCode: 0 }],
    ['closed streams', 'exec >&- 2>&-', { stdout: '', stderr: '', exitCode: 0 }],
    ['a reader of stdin', 'cat; read x; echo "[$x]"', { stdout: '[]\n', exitCode: 0 }],
    ['a single program', 'cat /dev/null', { stdout: '', exitCode: 0 }],
    ['a missing program', 'no-such-program -x', { exitCode: 127 }],
    ['set -e and -u', 'set -eu; false; echo no', { stdout: '', exitCode: 1 }],
    ['a here-document', 'cat <<E\nx\nE', { stdout: 'x\n', exitCode: 0 }],
    ['a trap', `trap 'echo bye' EXIT; exit 4`, { stdout: 'bye\n', exitCode: 4 }],
    ['a function that shadows the driver', 'printf() { :; }; wait() { :; }', { exitCode: 0 }],
    ['an alias of exec', 'alias exec=false; unset tandem_nonce; set -- x', { exitCode: 0 }],
    ['a subshell that kills itself', `sh -c 'kill -9 $$'`, { stdout: '', exitCode: 137 }],
    ['characters of several bytes', `printf 'ä€😀'`, { stdout: 'ä€😀', exitCode: 0 }],
    ['its own arguments', 'echo "$# $*"', { stdout: '0 \n', exitCode: 0 }],
    ['an empty script', '', { stdout: '', exitCode: 0 }],
    ['a comment at the end', 'echo x # y', { stdout: 'x\n', exitCode: 0 }],
    ['the plain C locale', 'echo $LC_ALL', { stdout: 'C\n', exitCode: 0 }],
  ]

  test('answers hostile questions that were asked together', async () => {
    const answers = await Promise.all(hostile.map(([, script]) => session.ask(script)))
    for (const [i, [title, , expected]] of hostile.entries()) {
      expect({ title, ...answers[i] }).toMatchObject({ title, ...expected })
    }
  })

  test('survives syntax errors', async () => {
    const broken = ['if', 'echo "', 'case x in', '}', ')', '$(', 'echo $((1/0))', '<<', '&&']
    const answers = await Promise.all(broken.map((script) => session.ask(script)))
    for (const answer of answers) expect(answer.exitCode).toBeTypeOf('number')
    expect(await session.ask('echo fine')).toEqual({ stdout: 'fine\n', stderr: '', exitCode: 0 })
  })

  test('keeps three megabytes and binary bytes whole', async () => {
    const big = session.ask('head -c 3000000 /dev/zero | tr "\\0" x')
    const binary = session.ask(`printf '\\377\\0\\1ab\\n\\n' | od -An -tx1; printf 'a\\0b'`)
    const both = session.ask('(head -c 300000 /dev/zero | tr "\\0" e) >&2; echo out')
    expect((await big).stdout).toBe('x'.repeat(3_000_000))
    expect((await binary).stdout).toBe(' ff 00 01 61 62 0a 0a\na\0b')
    expect((await both).stderr).toHaveLength(300_000)
    expect((await both).stdout).toBe('out\n')
  })

  test('hands over input exactly', async () => {
    const stdin = `a'b"$HOME \\n\n\n  ünï`
    expect((await session.ask('cat', { stdin })).stdout).toBe(stdin)
    expect((await session.ask('cat', { stdin: '' })).stdout).toBe('')
    const long = 'line\n'.repeat(40_000)
    expect((await session.ask('wc -c', { stdin: long })).stdout.trim()).toBe('200000')
    expect((await session.ask('exit 5', { stdin: long })).exitCode).toBe(5)
    expect((await session.ask('echo next')).stdout).toBe('next\n')
  })

  test('does not let one question see the variables of another', async () => {
    await session.ask('leak=1; cd /')
    expect((await session.ask('echo "[$leak]" $PWD')).stdout).toBe(`[] ${server.root}\n`)
  })

  test('kills what hangs, with its children, and goes on', async () => {
    const pids = join(server.root, 'pids')
    const child = `sh -c 'echo $$ >>${pids}; exec sleep 30'`
    const script = `: >${pids}; ${child} & ${child} | cat`
    const [hang, after] = await Promise.allSettled([
      session.ask(script, { timeoutMs: 400 }),
      session.ask('echo after'),
    ])
    expect(hang).toMatchObject({ reason: { message: expect.stringContaining('within 0.4 s') } })
    expect(after).toMatchObject({ value: { stdout: 'after\n' } })
    await gone(pids, 2)
  })

  test('starts the clock of a question only when the host runs it', async () => {
    const first = session.ask('sleep 1.2')
    const second = session.ask('echo soon', { timeoutMs: 1_000 })
    await first
    expect((await second).stdout).toBe('soon\n')
  })

  test('asks again, alone, after a question that killed the shell', async () => {
    const all = await Promise.allSettled([
      session.ask('echo one'),
      session.ask('kill -9 $$'),
      session.ask('echo two'),
      session.ask('echo three'),
    ])
    expect(all).toMatchObject([
      { value: { stdout: 'one\n' } },
      { reason: { message: 'M1: ended the shell that it ran in: kill -9 $$' } },
      { value: { stdout: 'two\n' } },
      { value: { stdout: 'three\n' } },
    ])
  })

  test('does not blame a question that the shell died under by chance', async () => {
    const once = join(server.root, 'once')
    const script = `[ -e ${once} ] || { : >${once}; kill -9 $$; sleep 5; }; echo survived`
    expect((await session.ask(script)).stdout).toBe('survived\n')
  })

  test('rejects more output than it may keep and goes on', async () => {
    const small = await openSession(c, { ...limit, maxOutputBytes: 10_000 })
    await expect(small.ask('yes')).rejects.toThrow('M1: more than 10000 bytes of output: yes')
    await expect(small.ask('yes >&2')).rejects.toThrow('more than 10000 bytes')
    expect((await small.ask('echo on')).stdout).toBe('on\n')
    await small.close()
  })

  test('keeps secrets out of the process list', async () => {
    const { stdout } = await session.ask(`: topsecret; cat /proc/*/cmdline | tr '\\0' '\\n'`)
    expect(stdout).not.toContain('topsecret')
  })
})

describe('the tag of a session', () => {
  let server: TestServer
  let c: Connection
  let session: Session
  beforeAll(async () => {
    server = await startServer({ delayMs: 5 })
    c = await connect(server.options())
    session = await openSession(c, limit)
  })
  afterAll(async () => {
    await c.close()
    await server.close()
  })

  test('quotes, and resolves to the output', async () => {
    const $ = askOf(session)
    expect((await $`printf '%s|' ${["it's", '$x']} ${7}`).stdout).toBe("it's|$x|7|")
  })

  test('rejects on an exit code other than 0, at the line of the question', async () => {
    const $ = askOf(session)
    const error = await $`sh -c ${'echo what >&2; exit 2'}`.catch((reason) => reason)
    expect(error.message).toBe("sh -c 'echo what >&2; exit 2': exit code 2: what")
    expect(error.stack.split('\n')[1]).toContain('session.test.ts')
    expect(error.output).toEqual({ stdout: '', stderr: 'what\n', exitCode: 2 })
  })

  test('takes any exit code with nothrow, but never a missing program', async () => {
    const $ = askOf(session)
    expect((await $`test -e ${'/no such'}`.nothrow()).exitCode).toBe(1)
    await expect($`no-such-program`.nothrow()).rejects.toThrow('exit code 127 (no such command)')
    await expect($`/etc`.nothrow()).rejects.toThrow('exit code 126')
  })

  test('limits time and gives input', async () => {
    const $ = askOf(session)
    expect((await $`cat`.input('text')).stdout).toBe('text')
    await expect($`sleep 30`.within(100)).rejects.toThrow('no answer within 0.1 s: sleep 30')
  })

  test('writes questions of one tick together', async () => {
    const $ = askOf(session)
    const written: string[] = []
    const spy: Session = {
      ...session,
      ask: (script) => {
        written.push(script)
        return session.ask(script)
      },
    }
    const asked = askOf(spy)
    const both = [asked`echo 1`, asked`echo 2`.nothrow()]
    await Promise.resolve()
    await Promise.resolve()
    expect(written).toEqual(['echo 1', 'echo 2'])
    await Promise.all(both)
    const late = $`true`
    await late
    expect(() => late.nothrow()).toThrow('must follow the question at once')
  })
})

describe('the start of a session', () => {
  test('ignores what start-up files print', async () => {
    const server = await startServer({ motd: 'echo noise; echo noise >&2; ' })
    const c = await connect(server.options())
    const session = await openSession(c, limit)
    expect(await session.ask('echo x')).toEqual({ stdout: 'x\n', stderr: '', exitCode: 0 })
    await c.close()
    await server.close()
  })

  test('says that sudo wants a password', async () => {
    const server = await startServer()
    const bin = join(server.root, 'sudo')
    writeFileSync(bin, '#!/bin/sh\necho "sudo: a password is required" >&2; exit 1\n', {
      mode: 0o755,
    })
    const refusing = await startServer({ env: { PATH: `${server.root}:/usr/bin:/bin` } })
    const c = await connect(refusing.options({ become: true }))
    const error = await openSession(c, limit).catch((reason) => reason)
    expect(error).toBeInstanceOf(Unreachable)
    expect(error.message).toMatch(
      /^M1: user \S+ may not sudo without a password: sudo: a password is required; --ask-become-pass \(-K\) asks for one$/,
    )
    await c.close()
    await refusing.close()
    await server.close()
  })

  test('rejects everything when the connection is lost', async () => {
    const server = await startServer()
    const c = await connect(server.options())
    const session = await openSession(c, limit)
    const asked = session.ask('sleep 30')
    server.drop()
    await expect(asked).rejects.toThrow(Unreachable)
    await expect(session.ask('true')).rejects.toThrow(Unreachable)
    await server.close()
  })
})
