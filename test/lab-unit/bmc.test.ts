import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { promisify } from 'node:util'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { topology } from '../../inventory/topology.ts'
import { type LabFiles, labFiles } from '../../lib/lab/model/lab-options.ts'
import { bmcStateOf, type LabState } from '../../lib/lab/model/state.ts'
import { bmcName, bmcsOf } from '../../lib/lab/model/topology.ts'
import { endBmcs, newPassword, simConfig, startBmcs } from '../../lib/lab/processes/bmc.ts'
import { bmcConfig, runningPid } from '../../lib/lab/processes/processes.ts'

const uid = process.getuid?.() ?? 0
const own = () => ({ port: 0, password: newPassword() })

let folder: string
let files: LabFiles
let state: LabState
beforeEach(() => {
  // A quote and a blank: paths are handed on by ipmi_sim and its shell.
  folder = mkdtempSync(join(tmpdir(), `tandem "bmc" it's `))
  files = labFiles({ stateDir: folder, topology }, uid)
  mkdirSync(files.runDir, { recursive: true, mode: 0o700 })
  state = {
    version: 4,
    ready: true,
    image: '',
    imageDir: '',
    acceleration: 'tcg',
    forkMs: 1,
    seconds: {},
    machines: { M1: { port: 1, key: '' }, M2: { port: 2, key: '' }, C1: { port: 3, key: '' } },
    bmc: { M1: own(), M2: own() },
    cuts: [],
    snapshots: {},
  }
})
afterEach(() => rmSync(folder, { recursive: true }))

test('makes passwords that every BMC takes: 16 letters and digits', () => {
  const some = Array.from({ length: 200 }, newPassword)
  for (const password of some) expect(password).toMatch(/^[a-zA-Z0-9]{16}$/)
  expect(new Set(some).size).toBe(some.length)
})

test('lets a BMC listen on 127.0.0.1 alone, for one user with a password', () => {
  const [first] = bmcsOf(topology)
  if (!first) throw new Error('no machine has a BMC')
  const config = simConfig(first.name, first.bmc, { port: 4711, password: 'abcdefgh' }, files)
  expect(config.match(/^addr .*/gm)).toEqual(['addr 127.0.0.1 4711'])
  expect(config.match(/^user .*/gm)).toEqual(['user 2 true "tandem" "abcdefgh" admin 8'])
  expect(config.match(/^allowed_auths.*/gm)).toEqual(['allowed_auths_admin md5'])
})

/** A machine as its QEMU tells it: what `off` and `on` do was seen in a real one. */
class FakeQemu {
  status = 'running'
  readonly done: string[] = []
  #server: Server | undefined

  async listen(path: string) {
    this.#server = createServer((socket) => {
      socket.write('{"QMP": {"version": {}, "capabilities": []}}\n')
      socket.setEncoding('utf8').on('data', (text: string) => {
        for (const line of text.trim().split('\n')) {
          const { execute } = JSON.parse(line)
          socket.write(`{"event": "NOISE"}\n${JSON.stringify({ return: this.#do(execute) })}\n`)
        }
      })
    })
    this.#server.listen(path)
    await once(this.#server, 'listening')
  }

  #do(order: string) {
    if (order === 'query-status') return { status: this.status }
    if (order !== 'qmp_capabilities') this.done.push(order)
    if (order === 'stop' && this.status === 'running') this.status = 'paused'
    if (order === 'system_reset' && this.status !== 'running') {
      // As in QEMU, a moment later.
      setTimeout(() => {
        this.status = 'prelaunch'
      }, 5)
    }
    if (order === 'cont') this.status = 'running'
    return {}
  }

  close() {
    this.#server?.close()
  }
}

const there = (program: string) =>
  (process.env.PATH ?? '').split(delimiter).some((path) => {
    try {
      return statSync(join(path, program)).isFile()
    } catch {
      return false
    }
  })
const missing = ['ipmi_sim', 'ipmitool', 'flock'].filter((program) => !there(program))
const why = missing.length > 0 ? ` (skipped: ${missing.join(', ')} not installed)` : ''

describe.skipIf(missing.length > 0)(`a real ipmi_sim asked by a real ipmitool${why}`, () => {
  let qemu: FakeQemu
  beforeEach(async () => {
    qemu = new FakeQemu()
    await qemu.listen(files.bmcQmp('M1'))
    state = await startBmcs(state, files)
  })
  afterEach(async () => {
    expect(await endBmcs(files)).toBe(true)
    qemu.close()
  })

  /** What ipmitool says; the cipher suite is named, since ipmi_sim does not list its own. */
  async function power(
    order: string,
    password = bmcStateOf(state, 'M1').password,
  ): Promise<string> {
    const where = [
      '-I',
      'lanplus',
      '-C',
      '3',
      '-H',
      '127.0.0.1',
      '-p',
      `${bmcStateOf(state, 'M1').port}`,
    ]
    const words = [...where, '-U', 'tandem', '-E', 'chassis', 'power', order]
    const env = { ...process.env, IPMI_PASSWORD: password }
    const { stdout } = await promisify(execFile)('ipmitool', words, { env })
    return stdout.trim()
  }

  test('says on, turns off, and says off only when the machine is', async () => {
    expect(await power('status')).toBe('Chassis Power is on')
    expect(await power('off')).toBe('Chassis Power Control: Down/Off')
    expect(qemu).toMatchObject({ status: 'prelaunch', done: ['stop', 'system_reset'] })
    expect(await power('status')).toBe('Chassis Power is off')
    await power('reset')
    expect(qemu.status).toBe('prelaunch')
    await power('on')
    expect(qemu.status).toBe('running')
    expect(await power('status')).toBe('Chassis Power is on')
  })

  test('calls a frozen machine on, does not thaw it with `on`, and turns it off', async () => {
    qemu.status = 'paused'
    expect(await power('status')).toBe('Chassis Power is on')
    await power('on')
    expect(qemu.done).toEqual([])
    await power('off')
    expect(qemu.status).toBe('prelaunch')
  })

  test('resets a machine, frozen or not, and cycles it', async () => {
    qemu.status = 'paused'
    await power('reset')
    expect(qemu).toMatchObject({ status: 'running', done: ['stop', 'system_reset', 'cont'] })
    await power('cycle')
    expect(qemu.status).toBe('prelaunch')
    await expect.poll(() => qemu.status, { timeout: 5_000 }).toBe('running')
  })

  test('calls a machine off whose plug is pulled, and cannot turn it on', async () => {
    qemu.close()
    rmSync(files.bmcQmp('M1'), { force: true })
    expect(await power('status')).toBe('Chassis Power is off')
    expect(await power('off')).toBe('Chassis Power Control: Down/Off')
    expect(await power('on')).toBe('Chassis Power Control: Up/On')
    expect(await power('status')).toBe('Chassis Power is off')
  })

  test('refuses another password, and hands its own to nobody', async () => {
    await expect(power('status', newPassword())).rejects.toThrow('Unable to establish')
    const pid = runningPid(bmcName('M1'), files)
    const line = readFileSync(`/proc/${pid}/cmdline`, 'utf8')
    expect(line).not.toContain(bmcStateOf(state, 'M1').password)
    const config = bmcConfig(files.pid(bmcName('M1')))
    expect(statSync(config).mode & 0o777).toBe(0o600)
  })

  test('is started once, and anew where it has ended', async () => {
    const before = runningPid(bmcName('M1'), files)
    expect(await startBmcs(state, files)).toEqual(state)
    expect(runningPid(bmcName('M1'), files)).toBe(before)
    await endBmcs(files)
    expect(await startBmcs(state, files)).toEqual(state)
    expect(await power('status')).toBe('Chassis Power is on')
  })
})
