import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { Interrupted, Unreachable } from '../../lib/core/errors.ts'
import { busyPathOf, connect, exec, openSession, type Session } from '../../lib/ssh/index.ts'
import { startServer, type TestServer } from './server.ts'

vi.setConfig({ testTimeout: 20_000 })

let root: string
let path: string
let servers: TestServer[]

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'tandem-lock-'))
  path = join(root, 'run lock')
  servers = []
})
afterEach(async () => {
  for (const server of servers) await server.close()
  rmSync(root, { recursive: true })
})

async function controller() {
  const server = await startServer({ root })
  servers.push(server)
  const c = await connect(server.options())
  return { server, c, session: await openSession(c, { timeoutMs: 20_000 }) }
}

/** The lock of a host is freed when its shell ends, which takes sshd a moment. */
async function lockSoon(session: Session): Promise<void> {
  await vi.waitFor(() => session.lock({ path, holder: 'second' }), { timeout: 10_000 })
}

test('refuses a second run, naming the holder', async () => {
  const [first, second] = [await controller(), await controller()]
  await first.session.lock({ path, holder: `o'neil@ctl pid 7 since 12:00` })
  const refused = second.session.lock({ path, holder: 'second' })
  await expect(refused).rejects.toThrow(Unreachable)
  await expect(refused).rejects.toThrow(
    `M1: another run holds the lock ${path}: o'neil@ctl pid 7 since 12:00`,
  )
  await first.session.close()
  await lockSoon(second.session)
})

test('makes the folder that only its own user may write, where that is missing', async () => {
  const { session } = await controller()
  await session.lock({ path: join(root, 'folder', 'lock'), holder: 'first' })
  expect((statSync(join(root, 'folder')).mode & 0o777).toString(8)).toBe('755')
  await session.close()
})

test('is free again when the connection of its holder dies', async () => {
  const [first, second] = [await controller(), await controller()]
  await first.session.lock({ path, holder: 'first' })
  first.server.drop()
  await lockSoon(second.session)
})

test('is not kept by a command that outlives the session', async () => {
  const [first, second] = [await controller(), await controller()]
  await first.session.lock({ path, holder: 'first' })
  await first.session.ask('sleep 15 >/dev/null 2>&1 &')
  await first.session.close()
  await lockSoon(second.session)
})

test('is free at once when a session is closed in the middle of a question', async () => {
  const [first, second] = [await controller(), await controller()]
  await first.session.lock({ path, holder: 'first' })
  const asked = first.session.ask('sleep 30').catch((error) => error.message)
  await exec(first.c, 'true')
  await first.session.close()
  expect(await asked).toBe('M1: the session is closed')
  await second.session.lock({ path, holder: 'second' })
})

test('is taken again by the shell that replaces a killed one', async () => {
  const [first, second] = [await controller(), await controller()]
  await first.session.lock({ path, holder: 'first' })
  await expect(first.session.ask('kill -9 $$')).rejects.toThrow('ended the shell')
  await expect(second.session.lock({ path, holder: 'second' })).rejects.toThrow('another run holds')
})

test('is waited for no longer when the run is interrupted', async () => {
  const [first, second] = [await controller(), await controller()]
  await first.session.lock({ path, holder: 'first' })
  await new Promise<void>((resolve) => {
    const options = { busyLock: busyPathOf(path), onStdout: () => resolve() }
    exec(first.c, 'echo up; sleep 60', options).catch(() => {})
  })
  first.server.drop()
  const stop = new AbortController()
  const waits = vi.waitFor(
    async () => {
      const error = await second.session
        .lock({ path, holder: 'second', onWait: () => stop.abort(), signal: stop.signal })
        .catch((reason) => reason)
      expect(error.message).not.toContain('another run holds')
      return error
    },
    { timeout: 10_000 },
  )
  expect(await waits).toBeInstanceOf(Interrupted)
  // The lock is not kept by whoever gave up.
  const third = await controller()
  const error = await third.session
    .lock({ path, holder: 'third', limitMs: 100 })
    .catch((reason) => reason)
  expect(error.message).toContain('still running after')
})

test('says why a lock cannot be taken, and leaves the session alive', async () => {
  const { session } = await controller()
  await expect(session.lock({ path: '/no/such/folder/lock', holder: 'me' })).rejects.toThrow(
    /^M1: cannot lock \/no\/such\/folder\/lock: .*(nonexistent|No such file)/,
  )
  expect((await session.ask('echo alive')).stdout).toBe('alive\n')
})

test('waits for the command of a controller that died, and says so', async () => {
  const [first, second] = [await controller(), await controller()]
  await first.session.lock({ path, holder: 'first' })
  const go = join(root, 'go')
  const loop = `echo up; until [ -e '${go}' ]; do sleep 0.1; done; echo late >'${go}'`
  await new Promise<void>((resolve) => {
    exec(first.c, loop, { busyLock: busyPathOf(path), onStdout: () => resolve() }).catch(() => {})
  })
  first.server.drop()
  const said: string[] = []
  const listen = (text: string) => said.push(text)
  const refused = await vi.waitFor(
    async () => {
      const error = await second.session
        .lock({ path, holder: 'second', onWait: listen, limitMs: 300 })
        .catch((e) => e)
      expect(error.message).not.toContain('another run holds')
      return error
    },
    { timeout: 10_000 },
  )
  expect(refused.message).toMatch(
    /a command of an earlier run is still running after 0 min \(pid \d+/,
  )
  expect(said[0]).toMatch(/^waiting for a command of an earlier run to end \(pid \d+/)
  const locked = second.session.lock({ path, holder: 'second', onWait: listen })
  await exec(second.c, `: >'${go}'`)
  await locked
  expect((await exec(second.c, `cat '${go}'`)).stdout).toBe('late\n')
})

test('does not wait for daemons that a finished command started', async () => {
  const { c, session } = await controller()
  await exec(c, 'sleep 15 >/dev/null 2>&1 &', { busyLock: busyPathOf(path) })
  await session.lock({ path, holder: 'me', limitMs: 5_000 })
})
