import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Connection, connect, exec } from '../../lib/ssh/index.ts'
import { startServer, type TestServer } from './server.ts'

let server: TestServer
let c: Connection

beforeAll(async () => {
  server = await startServer()
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
