import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Refusal } from '../../lib/core/errors.ts'
import { service } from '../../lib/resources/index.ts'
import { converge, here } from './host.ts'

const manager = '/usr/lib/systemd/systemd'
const before = { ...process.env }
let directory: string
let systemd: ChildProcess | undefined
let ready = false

/** A systemd of our own, as a user's manager with all its files in a temporary directory. */
beforeAll(async () => {
  if (!existsSync(manager) || !existsSync('/usr/bin/systemctl')) return
  directory = await mkdtemp(join(tmpdir(), 'tandem-systemd-'))
  const inside = (name: string) => join(directory, name)
  for (const name of ['bin', 'run', 'config', 'data/systemd/user']) {
    await mkdir(inside(name), { recursive: true, mode: 0o700 })
  }
  await writeFile(inside('bin/systemctl'), '#!/bin/sh\nexec /usr/bin/systemctl --user "$@"\n')
  await chmod(inside('bin/systemctl'), 0o755)
  const unit = (name: string, text: string) =>
    writeFile(inside(`data/systemd/user/${name}.service`), text)
  const install = '[Install]\nWantedBy=default.target\n'
  await unit('tandem-up', `[Service]\nExecStart=/bin/sleep 600\n${install}`)
  await unit('tandem-down', '[Service]\nType=forking\nExecStart=/bin/false\n')
  Object.assign(process.env, {
    XDG_RUNTIME_DIR: inside('run'),
    XDG_CONFIG_HOME: inside('config'),
    XDG_DATA_HOME: inside('data'),
    PATH: `${inside('bin')}:${process.env.PATH}`,
  })
  systemd = spawn(manager, ['--user', '--unit=basic.target'], { stdio: 'ignore' })
  const answers = () => spawnSync('systemctl', ['is-active', 'basic.target']).status === 0
  // Without rights of its own over control groups it ends at once.
  for (const until = Date.now() + 5000; !ready && Date.now() < until; ) {
    if (systemd.exitCode !== null) break
    ready = answers()
    if (!ready) await sleep(50)
  }
}, 20_000)

afterAll(async () => {
  if (systemd && systemd.exitCode === null) {
    const gone = new Promise((resolve) => systemd?.once('exit', resolve))
    systemd.kill('SIGTERM')
    await gone
  }
  for (const name of ['XDG_RUNTIME_DIR', 'XDG_CONFIG_HOME', 'XDG_DATA_HOME', 'PATH']) {
    if (before[name] === undefined) delete process.env[name]
    else process.env[name] = before[name]
  }
  if (directory) await rm(directory, { recursive: true, force: true })
}, 20_000)

describe('service, on a systemd of its own', () => {
  test('goes through its whole life', async (context) => {
    if (!ready) return context.skip()
    const host = here()
    const summary = async (options: Parameters<typeof service>[1]) =>
      (await converge(service('tandem-up', options), host))?.summary

    // As `packages` leaves it with noStart.
    await host.sh`systemctl mask --runtime --quiet tandem-up`
    const wanted = { state: 'running', enabled: true } as const
    expect(await summary(wanted)).toBe(
      'mask until reboot is lifted; starts at boot; is inactive (dead), starts',
    )
    expect(await summary(wanted)).toBeUndefined()
    expect(await summary({ enabled: false })).toBe('does not start at boot')
    expect(await summary({ state: 'stopped' })).toBe('is active (running), stops')
    expect(await summary({ masked: true })).toBe('is masked permanently')
    expect(await summary({ masked: true })).toBeUndefined()
    await expect(summary(wanted)).rejects.toThrow(
      'tandem-up is masked permanently, so an administrator',
    )
    expect(await summary({ masked: false, state: 'running' })).toMatch(/^unmasked; .* starts$/)
    expect(await summary({ masked: true })).toBe(
      'is active (running), stops; is masked permanently',
    )
    expect(await summary({ masked: false })).toBe('unmasked')
  })

  test('asks its guard only before it interrupts what runs', async (context) => {
    if (!ready) return context.skip()
    const host = here()
    const disruptive = async () => {
      throw new Refusal('the peer is not healthy')
    }
    await service('tandem-up', { state: 'running', disruptive }).disruptive?.(host)
    await converge(service('tandem-up', { state: 'running', disruptive }), host)
    await service('tandem-up', { enabled: true, disruptive }).disruptive?.(host)
    const stop = service('tandem-up', { state: 'stopped', disruptive })
    await expect(stop.disruptive?.(host)).rejects.toThrow('the peer is not healthy')
  })

  test('says why a unit does not start, and that one does not exist', async (context) => {
    if (!ready) return context.skip()
    const start = (unit: string) => converge(service(unit, { state: 'running' }))
    await expect(start('tandem-down')).rejects.toThrow(/^Cannot start tandem-down: .*failed/)
    await expect(start('tandem-none')).rejects.toThrow('Unit tandem-none does not exist')
    const enable = converge(service('tandem-down', { enabled: true }))
    await expect(enable).rejects.toThrow('has no [Install] section')
  })

  test('runs with the unit file that is there, which systemd has not read yet', async (context) => {
    if (!ready) return context.skip()
    const file = join(directory, 'data/systemd/user/tandem-up.service')
    const wanted = () => converge(service('tandem-up', { state: 'running', restartOn: [file] }))
    await wanted()
    await writeFile(file, '[Service]\nExecStart=/bin/sleep 601\n')
    expect((await wanted())?.summary).toMatch(/^runs with an older .*, restarts$/)
    const { stdout } = await here().$`ps -o args= -p $(systemctl show -p MainPID --value tandem-up)`
    expect(stdout.trim()).toBe('/bin/sleep 601')
    expect(await wanted()).toBeUndefined()
  })

  test('asks one question', async (context) => {
    if (!ready) return context.skip()
    const host = here()
    await service('tandem-up', { state: 'running', enabled: true }).check(host)
    expect(host.asked).toHaveLength(1)
  })
})
