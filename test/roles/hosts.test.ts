import { mkdirSync } from 'node:fs'
import { chmod, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { editing, line } from '../../lib/index.ts'
import { naming, withoutLoopback } from '../../roles/base/hosts.ts'
import { mountPoint } from '../../roles/drbd/init.ts'
import { converge, here } from '../resources/host.ts'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tandem-others-'))
})
afterEach(() => rm(folder, { recursive: true }))

describe('lines of /etc/hosts that are others’', () => {
  const edited = async (text: string, options: Parameters<typeof line>[1]) => {
    const path = join(folder, 'hosts')
    await writeFile(path, text)
    await converge(line(path, options))
    return readFile(path, 'utf8')
  }
  const localhost = { line: '127.0.0.1 localhost', unless: naming('127.0.0.1', ['localhost']) }

  it.each([
    '127.0.0.1\tlocalhost\n',
    '127.0.0.1 localhost.localdomain localhost app\n',
    ' 127.0.0.1 app localhost # mine\n',
  ])('%j says enough and stays as it is', async (text) => {
    expect(await edited(text, localhost)).toBe(text)
  })

  it.each([
    '127.0.0.1 app\n',
    '127.0.0.1 app # localhost\n',
    '127.0.0.11 localhost\n',
    '127.0.0.1 localhosts\n',
    '# 127.0.0.1 localhost\n',
  ])('%j stays, and what is needed is added', async (text) => {
    expect(await edited(text, localhost)).toBe(`${text}127.0.0.1 localhost\n`)
  })

  it("go only where they give the node's own name a loopback address", async () => {
    const path = join(folder, 'hosts')
    const drop = () =>
      converge(editing('own', path, withoutLoopback('M1.redhat.sx'), { missing: true }))
    const own = '127.0.1.1 M1.redhat.sx M1\n127.0.1.1\tM1\n127.0.1.1 m1.RedHat.sx # mine\n::1 M1\n'
    const others =
      '127.0.1.1 app\n127.0.1.1 M1x\n127.0.1.1 M1.redhat.sx.example\n10.0.0.1 M1\n# 127.0.1.1 M1\n127.0.0.1 app # M1\n'
    await writeFile(path, `${own}${others}`)
    await drop()
    expect(await readFile(path, 'utf8')).toBe(others)
    await drop()
    expect(await readFile(path, 'utf8')).toBe(others)
  })

  it('end as they did, and localhost is nobody’s own', async () => {
    const path = join(folder, 'hosts')
    const edit = withoutLoopback('localhost.site')
    const text = '127.0.0.1 localhost # a\r\n127.0.1.1 localhost.site # b\r\n10.0.0.1 x\n'
    await writeFile(path, text)
    await converge(editing('own', path, edit, {}))
    expect(await readFile(path, 'utf8')).toBe('127.0.0.1 localhost # a\r\n10.0.0.1 x\n')
    await converge(editing('own', path, edit, {}))
    expect(await readFile(path, 'utf8')).toBe('127.0.0.1 localhost # a\r\n10.0.0.1 x\n')
  })

  it('keep what else they say', async () => {
    const path = join(folder, 'hosts')
    await writeFile(path, '127.0.0.1\tlocalhost M1.redhat.sx M1 db # ours # M1\n::1 M1 localhost\n')
    await converge(editing('own', path, withoutLoopback('M1.redhat.sx'), {}))
    expect(await readFile(path, 'utf8')).toBe('127.0.0.1 localhost db # ours # M1\n::1 localhost\n')
  })
})

describe('the folder that the share is mounted on', () => {
  it.runIf(process.getuid?.() === 0)('is made, and root has it', async () => {
    const path = join(folder, 'data')
    await converge(mountPoint(path))
    await chmod(path, 0o777)
    await converge(mountPoint(path))
    expect(((await stat(path)).mode & 0o7777).toString(8)).toBe('755')
  })

  it('belongs to the users of the share while that is mounted', async () => {
    const path = join(folder, 'data')
    mkdirSync(path)
    await chmod(path, 0o2775)
    const host = here()
    const mounts = `/dev/drbd0 ${path} ext4 rw 0 0\n`
    const $: typeof host.$ = (pieces, ...values) =>
      pieces[0] === 'cat /proc/mounts' ? host.$`echo ${mounts}` : host.$(pieces, ...values)
    expect(await mountPoint(path).check({ ...host, $ })).toBeUndefined()
    if (process.getuid?.() === 0) expect(await mountPoint(path).check(host)).toBeDefined()
  })
})
