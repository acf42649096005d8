import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { Unreachable } from '../../lib/core/errors.ts'
import { type Connection, connect, exec, openSession, quickWrite } from '../../lib/ssh/index.ts'
import { putAsking } from './asking.ts'
import { startServer, type TestServer } from './server.ts'
import { gone, which } from './shells.ts'

vi.setConfig({ testTimeout: 30_000 })

const password = "it's 7 \\ secrets"
const limit = { timeoutMs: 10_000 }
const bin = mkdtempSync(join(tmpdir(), 'tandem-bin-'))
const asked = join(bin, 'asked')
afterAll(() => rmSync(bin, { recursive: true }))

putAsking(bin, password)

let server: TestServer
beforeAll(async () => {
  server = await startServer({ env: { PATH: `${bin}:${process.env.PATH}` } })
})
afterAll(() => server.close())

async function as(
  become: boolean | 'sudo' | 'su',
  word: string | undefined,
  work: (c: Connection) => Promise<void>,
  at = server,
) {
  rmSync(asked, { force: true })
  const becomePassword = word === undefined ? undefined : { reveal: () => word }
  const c = await connect(at.options({ become, becomePassword }))
  await work(c).finally(() => c.close())
}

describe.each(['sudo', 'su'] as const)('%s with a password', (program) => {
  test('gets it over stdin, and nowhere else', () =>
    as(program, password, async (c) => {
      const session = await openSession(c, limit)
      const command =
        '/proc/self/environ /proc/$PPID/environ /proc/self/cmdline /proc/$PPID/cmdline'
      const { stdout } = await session.ask(`cat ${command} | tr '\\0' '\\n'; echo end`)
      expect(stdout).toMatch(/end\n$/)
      for (const text of [stdout, ...server.commands]) expect(text).not.toContain('secrets')
      expect(await exec(c, 'cat; echo err >&2; exit 3', { stdin: 'in\nput' })).toEqual({
        stdout: 'in\nput',
        stderr: 'err\n',
        exitCode: 3,
      })
      await session.close()
    }))

  test('tells a wrong one after one try', () =>
    as(program, 'wrong', async (c) => {
      const failed = await openSession(c, limit).catch((error) => error)
      expect(failed).toBeInstanceOf(Unreachable)
      expect(failed.message).toMatch(
        new RegExp(`^M1: user \\S+ may not ${program}: the password is wrong \\(`),
      )
      expect(readFileSync(asked, 'utf8')).toBe('1\n')
    }))

  test('gives the channels of refused commands back', () =>
    as(program, 'wrong', async (c) => {
      // More of them than there are channels.
      for (let i = 0; i < 7; i++) await expect(exec(c, 'true')).rejects.toThrow('is wrong')
    }))

  test('says how to give one', () =>
    as(program, undefined, async (c) => {
      await expect(openSession(c, limit)).rejects.toThrow('--ask-become-pass (-K) asks for one')
      expect(existsSync(asked)).toBe(false)
    }))

  test('is no holder of the lock of a run that died', () =>
    as(program, password, async (c) => {
      const lock = join(server.root, `lock-${program}`)
      const first = await openSession(c, { ...limit, lock: { path: lock, holder: 'first' } })
      first.ask('sleep 3').catch(() => {})
      await first.ask('true').catch(() => {})
      c.destroy()
      const becomePassword = { reveal: () => password }
      const next = await connect(server.options({ become: program, becomePassword }))
      const said: string[] = []
      const onWait = (text: string) => void said.push(text)
      const session = await vi.waitFor(
        () => openSession(next, { ...limit, lock: { path: lock, holder: 'second', onWait } }),
        { timeout: 15_000, interval: 100 },
      )
      await session.close()
      await next.close()
      expect(said.join()).not.toContain('another run')
    }))

  test('kills what it started', () =>
    as(program, password, async (c) => {
      const pids = join(server.root, `pids-${program}`)
      const script = `sh -c 'echo $$ >>${pids}; exec sleep 30' & wait`
      await expect(exec(c, script, { timeoutMs: 1_500 })).rejects.toThrow('not done within 1.5 s')
      await gone(pids, 1)
    }))
})

describe('while sudo is asked', () => {
  /** A login whose start-up text goes before sudo, and maybe another sudo. */
  const behind = async (
    { motd = '', sudo = readFileSync(join(bin, 'sudo'), 'utf8'), word = password },
    work: (c: Connection, at: TestServer) => Promise<void>,
  ) => {
    const own = mkdtempSync(join(bin, 'own-'))
    writeFileSync(join(own, 'sudo'), sudo, { mode: 0o755 })
    const at = await startServer({ motd, env: { PATH: `${own}:${process.env.PATH}` } })
    await as(true, word, (c) => work(c, at), at).finally(() => at.close())
  }

  test('a shell that traces its commands is not taken for root', () =>
    behind({ motd: 'set -x; ' }, async (c) => {
      expect((await exec(c, 'echo on')).stdout).toBe('on\n')
      expect(readFileSync(asked, 'utf8')).toBe('1\n')
    }))

  test('a password that was not asked for is no command', async () => {
    const ran = join(bin, 'ran')
    const sudo = '#!/bin/sh\nshift 4\nsleep 0.4\nexec "$@"\n'
    const motd = "printf 'tandem-%%password:' >&2; "
    const work = async (c: Connection) => {
      expect((await exec(c, 'cat', { stdin: 'in' })).stdout).toBe('in')
      const session = await openSession(c, limit)
      expect((await session.ask('echo on')).stdout).toBe('on\n')
    }
    await behind({ motd, sudo, word: `x; touch ${ran}` }, work)
    expect(existsSync(ran)).toBe(false)
  })

  test('the reason is told where root cannot run the command', () =>
    behind({}, async (c) => {
      const failing = { busyLock: '/nonexistent/lock' }
      // More of them than there are channels.
      for (let i = 0; i < 7; i++) {
        await expect(exec(c, 'true', failing)).rejects.toThrow('/nonexistent/lock')
      }
    }))

  test('an abort, and a connection that is lost, end the wait', async () => {
    await behind({ sudo: '#!/bin/sh\nexec sleep 30\n' }, async (c, at) => {
      const began = performance.now()
      const stop = new AbortController()
      setTimeout(() => stop.abort(), 300)
      await expect(exec(c, 'true', { signal: stop.signal })).rejects.toThrow('M1: interrupted')
      const lost = exec(c, 'true')
      setTimeout(() => at.drop(), 300)
      await expect(lost).rejects.toThrow(/^M1: connection to .* (closed|lost)/)
      expect(performance.now() - began).toBeLessThan(20_000)
    })
  })
})

const odd = ['csh', 'fish'].flatMap((name) => {
  const shell = which(name)
  return shell ? [{ name, shell }] : []
})

describe.skipIf(odd.length === 0).each(odd)('a login shell that is $name', ({ shell }) => {
  test.each([false, true])('runs all kinds of commands, become %s', async (become) => {
    const at = await startServer({ shell, env: { PATH: `${bin}:${process.env.PATH}` } })
    await as(
      become,
      become ? password : undefined,
      async (c) => {
        const text = `it's\n"two" \\ lines!\n`
        const session = await openSession(c, limit)
        expect((await session.ask('cat', { stdin: text })).stdout).toBe(text)
        const path = join(at.root, `it's a file!`)
        await quickWrite(session, 'M1', path, text, { mode: 0o644 })
        expect(readFileSync(path, 'utf8')).toBe(text)
        const script = `x='a b'\nprintf '%s|' "$x" '!' '\\'\ncat`
        expect((await exec(c, script, { stdin: text })).stdout).toBe(`a b|!|\\|${text}`)
        const pids = join(at.root, 'pids')
        const late = exec(c, `echo $$ >${pids}; sleep 30`, { timeoutMs: 1_500 })
        await expect(late).rejects.toThrow('not done within 1.5 s')
        await gone(pids, 1)
        await session.close()
      },
      at,
    )
    await at.close()
  })
})

test.each([
  [
    'says no',
    'echo This account is currently not available.; exit 1; ',
    'This account is currently not available.',
  ],
  [
    'answers with a forced command',
    'echo Please log in as the user admin; exit 142; ',
    'Please log in as the user admin',
  ],
])('a login that %s is told with its words', async (_, motd, words) => {
  const at = await startServer({ motd })
  const c = await connect(at.options())
  await expect(openSession(c, limit)).rejects.toThrow(`did not start: ${words}`)
  await expect(exec(c, 'true')).rejects.toThrow(`did not start: ${words}`)
  await c.close()
  await at.close()
})

test('what a server says before it closes the connection is told, and nothing else of what it says', async () => {
  const words = 'Authorized users only.'
  const closing = await startServer({ banner: words, auth: 'close' })
  await expect(connect(closing.options())).rejects.toThrow(
    /^M1: 127\.0\.0\.1:\d+ closed the connection: Authorized users only\.$/,
  )
  await closing.close()
  const refusing = await startServer({ banner: words, auth: 'none' })
  await expect(connect(refusing.options())).rejects.toThrow(/\(tried: key [^;]+\)$/)
  await refusing.close()
})
