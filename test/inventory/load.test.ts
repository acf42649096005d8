import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { available, load, unstartedLab } from '../../lib/inventory/index.ts'

const dir = mkdtempSync(join(tmpdir(), 'tandem-inventory-'))
afterAll(() => rmSync(dir, { recursive: true, force: true }))

const inventory = (name: string, port: string) => `{
  name: '${name}', production: false, vars: {}, groups: {},
  hosts: { M1: { connection: { address: '127.0.0.1', port: ${port}, user: 'root' }, vars: {} } },
  timeouts: { connect: 1000, check: 1000, apply: 1000 },
}`
const files = {
  ready: `export default ${inventory('ready', '22')}`,
  berlin: `export default ${inventory('ready', '22')}`,
  wrong: `export default ${inventory('wrong', "'abc'")}`,
  lab: `export default { embeddedLab: (facts) => (${inventory('lab', 'facts.machines.M1.port')}) }`,
  empty: 'export default undefined',
  broken: 'throw new Error("cannot be loaded\\nand a second line")\nexport default 1',
  schema: 'export const schema = {}',
  name: 'const threads = 8\nexport default { threads: theads }',
  import: "import './gone.ts'\nexport default 1",
}
for (const [name, text] of Object.entries(files)) writeFileSync(join(dir, `${name}.ts`), text)
// What an editor keeps beside a file that it has open, and a folder of somebody's.
symlinkSync('somebody@somewhere.1:2', join(dir, '.#ready.ts'))
mkdirSync(join(dir, 'folder.ts'))

test('inventories are the files with a default export', async () => {
  expect(await available(dir)).toEqual(
    Object.keys(files)
      .filter((name) => name !== 'schema')
      .sort(),
  )
  expect(await available(join(dir, 'nowhere'))).toEqual([])
})

test('an unknown name is told with those that exist', async () => {
  await expect(load('redy', dir)).rejects.toThrow(
    'Unknown inventory `redy`, did you mean `ready`? There are: berlin, broken, empty, import, lab, name, ready, ',
  )
})

test('loads an inventory, and one that waits for the lab', async () => {
  expect(await load('ready', dir)).toMatchObject({ kind: 'ready', inventory: { name: 'ready' } })
  const lab = await load('lab', dir)
  expect(
    lab.kind === 'embedded-lab' && lab.build(unstartedLab).hosts.M1?.connection.port,
  ).toBeGreaterThan(0)
})

test.for([
  ['wrong', 'inventory/wrong.ts: hosts.M1.connection.port: expected an integer 1–65535, got `abc`'],
  ['berlin', "inventory/berlin.ts: name: expected `berlin`, the file's name, got `ready`"],
  ['empty', 'inventory/empty.ts: expected an inventory as its default export, got nothing'],
  ['schema', 'inventory/schema.ts: expected an inventory as its default export, got nothing'],
  ['broken', `inventory/broken.ts: cannot be loaded (${dir}/broken.ts:1)`],
  ['name', `inventory/name.ts: theads is not defined (${dir}/name.ts:2)`],
  ['import', /^inventory\/import\.ts: Cannot find module .*gone\.ts/],
] as const)('%s.ts is refused with its file and path', async ([name, line]) => {
  await expect(load(name, dir)).rejects.toThrow(line)
})
