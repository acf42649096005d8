import { userInfo } from 'node:os'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startServer, type TestServer } from '../ssh/server.ts'
import { Copy, inventory, playbook, role } from './copy.ts'

let server: TestServer
let copy: Copy
beforeAll(async () => {
  server = await startServer()
  copy = new Copy()
  const connection = {
    port: server.port,
    user: userInfo().username,
    identityFiles: [server.identityFile],
    knownHosts: [server.knownHostsFile],
    sshConfig: 'none',
  }
  copy.write('inventory/lab.ts', inventory('lab', connection))
})
afterAll(async () => {
  await server?.close()
  copy?.remove()
})

test('a failed task names the line of its role', async () => {
  for (const way of [/building/, /^$/]) {
    const ended = await copy.run('play site --check')
    expect(ended.way).toMatch(way)
    expect(ended.stdout).toMatch(/^S1 {2}failed +one: one: cat \/no\/file.*roles\/one\.ts:6\b/m)
    expect(ended.code).toBe(2)
  }
})

test('a failed command names it even where the source and the bundle are others by then', async () => {
  copy.write('playbooks/edited.ts', playbook('edited'))
  copy.write(
    'roles/one.ts',
    `import { rmSync, writeFileSync } from 'node:fs'
import { change, role, task } from '../lib/index.ts'

export default role('one', () => [
  task('edits itself', {
    check: async () => change('differs'),
    apply: async (host) => {
      writeFileSync('roles/one.ts', '// other lines')
      rmSync('node_modules/.cache', { recursive: true })
      await host
        .$\`cat \${'/no/file'}\`
    },
  }),
])
`,
  )
  const ended = await copy.run('play edited --output json')
  expect(ended.stdout).toMatch(/"where":"roles\/one\.ts:1[01]"/)
})

test('the stack of wrong usage is that of the sources', async () => {
  copy.write('roles/one.ts', role('one'))
  const stack = async (sources: boolean) => {
    const { stderr } = await copy.run('play nothing', { sources })
    return [...stderr.matchAll(/^ +at .*?(\/lib\/[^)]*)/gm)].map(([, place]) => place)
  }
  const bundled = await stack(false)
  expect(bundled.length).toBeGreaterThan(1)
  expect(bundled).toEqual(await stack(true))
})
