import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Machine } from '../../lib/drill/machine/machine.ts'
import { sshMachine } from '../../lib/drill/machine/ssh-machine.ts'
import { startSampler } from '../../lib/drill/sampler.ts'
import { counterScript } from '../../playbooks/drills/pair/counter.ts'
import { startServer, type TestServer } from '../ssh/server.ts'

let server: TestServer
beforeAll(async () => {
  server = await startServer()
})
afterAll(() => server.close())

const machine = (name: string) => sshMachine(name, () => server.options())

describe('a stream of lines from a machine', () => {
  it('gives each line as it arrives, and ends with its script', async () => {
    const lines: string[] = []
    const { signal } = new AbortController()
    const script = 'printf "one\\ntw"; sleep 0.1; printf "o\\nhalf"'
    await machine('M1').stream(script, (line) => lines.push(line), signal)
    expect(lines).toEqual(['one', 'two'])
  })

  it('ends when it is told to, and when the connection is lost', async () => {
    const forever = 'while :; do echo line; sleep 0.05; done'
    const stop = new AbortController()
    const first = machine('M1').stream(forever, () => stop.abort(), stop.signal)
    await first.catch(() => {})
    const lost = machine('M1').stream(forever, () => server.drop(), new AbortController().signal)
    await expect(lost).rejects.toThrow('M1: connection to')
  })
})

it('the sampler listens again after a connection was lost', async () => {
  let lines = 0
  const counting = (name: string): Machine => {
    const own = machine(name)
    const stream: Machine['stream'] = (script, onLine, signal) =>
      own.stream(
        script,
        (line) => {
          lines++
          onLine(line)
        },
        signal,
      )
    return { ...own, stream }
  }
  const sampler = startSampler([counting('M1')], counterScript)
  await expect.poll(() => lines, { timeout: 20_000 }).toBeGreaterThan(2)
  server.drop()
  const before = lines
  await expect.poll(() => lines, { timeout: 20_000 }).toBeGreaterThan(before + 2)
  const { samples } = await sampler.stop()
  expect(samples.M1).toBeGreaterThan(before)
}, 60_000)
