import { writeFileSync } from 'node:fs'
import net from 'node:net'
import { join } from 'node:path'
import ssh2 from 'ssh2'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { Unreachable } from '../../lib/core/errors.ts'
import { type ConnectOptions, connect, exec } from '../../lib/ssh/index.ts'
import { newKey, publicKeyOf, startServer, type TestServer } from './server.ts'

let server: TestServer
beforeAll(async () => {
  server = await startServer()
})
afterAll(() => server.close())

async function refusal(changes: Partial<ConnectOptions>): Promise<string> {
  const error = await connect(server.options(changes)).then(
    async (c) => {
      await c.close()
      throw new Error('connected')
    },
    (reason: Error) => reason,
  )
  expect(error).toBeInstanceOf(Unreachable)
  return error.message
}

function file(name: string, text: string): string {
  const path = join(server.root, name)
  writeFileSync(path, text)
  return path
}

test('connects, runs and closes', async () => {
  const c = await connect(server.options())
  expect((await exec(c, 'echo here')).stdout).toBe('here\n')
  expect(c.lost.aborted).toBe(false)
  await c.close()
  expect(c.lost.reason).toBeInstanceOf(Unreachable)
})

test('refuses an unknown host key and shows it', async () => {
  const message = await refusal({ knownHosts: [file('empty', '')] })
  expect(message).toMatch(/^M1: host key of 127\.0\.0\.1:\d+ is in none of .*empty/)
  expect(message).toMatch(/got ssh-ed25519 SHA256:/)
})

test('refuses a changed host key, naming file, line and both keys', async () => {
  const line = `[127.0.0.1]:${server.port} ${publicKeyOf(newKey().private)}`
  const message = await refusal({ knownHosts: [file('changed', `# first\n${line}\n`)] })
  expect(message).toMatch(/is not the one in .*changed:2 \(expected ssh-ed25519 SHA256:\S+, got/)
  expect(message).toContain('if the machine was reinstalled, remove the old line')
})

test('refuses a revoked host key', async () => {
  const text = `${server.knownHostsLine}\n@revoked ${server.knownHostsLine}\n`
  expect(await refusal({ knownHosts: [file('revoked', text)] })).toContain('@revoked')
})

test('negotiates the type of key that is known when the server has several', async () => {
  const rsa = newKey('rsa').private
  const both = await startServer({ hostKey: [newKey().private, rsa] })
  const known = file('rsa', `[127.0.0.1]:${both.port} ${publicKeyOf(rsa)}\n`)
  const c = await connect(both.options({ knownHosts: [known] }))
  expect((await exec(c, 'echo yes')).stdout).toBe('yes\n')
  await c.close()
  await both.close()
})

test('says who was refused and what was tried', async () => {
  const wrong = file('wrong', newKey().private)
  const message = await refusal({ user: 'deploy', identityFiles: [wrong, '/nowhere/id'] })
  expect(message).toMatch(/^M1: login as deploy refused by 127\.0\.0\.1:\d+ \(tried: key .*wrong/)
  expect(message).toContain('key /nowhere/id does not exist')
})

test('tries the next key after a refused one', async () => {
  const wrong = file('wrong', newKey().private)
  const c = await connect(server.options({ identityFiles: [wrong, server.identityFile] }))
  await c.close()
})

test('goes on without an agent that cannot be reached', async () => {
  const c = await connect(server.options({ agent: '/nowhere/agent' }))
  await c.close()
  const message = await refusal({ agent: '/nowhere/agent', identityFiles: [] })
  expect(message).toMatch(/tried: agent; agent at \/nowhere\/agent: /)
})

test('says that a key is encrypted and no agent was given', async () => {
  const pair = ssh2.utils.generateKeyPairSync('ed25519', {
    passphrase: 'secret',
    cipher: 'aes256-ctr',
    rounds: 1,
  })
  const message = await refusal({ identityFiles: [file('locked', pair.private)] })
  expect(message).toMatch(
    /\(ssh: .*Permission denied.*; key .*locked is encrypted; ssh-add gives it to an agent\)$/,
  )
})

test('says that nothing listens', async () => {
  const port = await freePort()
  expect(await refusal({ port })).toBe(`M1: nothing listens at 127.0.0.1:${port}`)
})

test('says that a name cannot be resolved', async () => {
  const message = await refusal({ address: 'no-such-host.invalid' })
  expect(message).toMatch(/^M1: the name no-such-host\.invalid cannot be resolved/)
})

test('gives up on a server that never answers, and on one that hangs up', async () => {
  for (const [behave, expected] of [
    [() => {}, /^M1: no answer from 127\.0\.0\.1:\d+ within 0\.2 s$/],
    [
      (socket: net.Socket) => socket.end(),
      /^M1: 127\.0\.0\.1:\d+ closed the connection before it greeted as an SSH server does$/,
    ],
  ] as const) {
    const silent = net.createServer(behave)
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve))
    const { port } = silent.address() as net.AddressInfo
    const connectTimeoutMs = expected.source.includes('within') ? 200 : 1_000
    expect(await refusal({ port, connectTimeoutMs })).toMatch(expected)
    silent.close()
  }
})

test('comes back to a server that drops what is too many for it', async () => {
  const own = await startServer()
  let dropped = 0
  // As sshd above its MaxStartups: a word, or nothing, and the end.
  const busy = net.createServer((socket) => {
    socket.on('error', () => {})
    if (dropped < 3) {
      dropped++
      if (dropped === 2) socket.destroy()
      else socket.end(dropped === 1 ? 'Exceeded MaxStartups\r\n' : '')
      return
    }
    const through = net.connect(own.port, '127.0.0.1').on('error', () => {})
    socket.pipe(through).pipe(socket)
  })
  await new Promise<void>((resolve) => busy.listen(0, '127.0.0.1', resolve))
  const { port } = busy.address() as net.AddressInfo
  const line = own.knownHostsLine.replace(/\]:\d+/, `]:${port}`)
  const c = await connect(own.options({ port, knownHosts: [file('busy', line)] }))
  expect(dropped).toBe(3)
  await c.close()
  busy.close()
  await own.close()
})

test('tells of a lost connection at once, with Unreachable as the reason', async () => {
  const own = await startServer()
  const c = await connect(own.options())
  const running = exec(c, 'sleep 30')
  const lost = new Promise((resolve) => c.lost.addEventListener('abort', resolve))
  await exec(c, 'true')
  own.drop()
  await lost
  await expect(running).rejects.toThrow(Unreachable)
  await expect(exec(c, 'true')).rejects.toThrow(/^M1: connection to 127\.0\.0\.1:\d+/)
  await own.close()
})

async function freePort(): Promise<number> {
  const server = net.createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as net.AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
}
