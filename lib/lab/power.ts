import { rmSync } from 'node:fs'
import { Unreachable } from '../core/errors.ts'
import { alone, since } from './alone.ts'
import { runOn } from './guest-shell.ts'
import type { LabOptions } from './model/lab-options.ts'
import {
  type LabState,
  labOf,
  machineLogin,
  needState,
  readState,
  writeState,
} from './model/state.ts'
import { namesOf } from './model/topology.ts'
import { switchName } from './processes/argv.ts'
import { endProcess, runningPid } from './processes/processes.ts'
import { withQmp } from './processes/qmp.ts'
import { goOn, type Power, powerOf, powers, runningMachines } from './running.ts'
import { endAll, ensureBmcs, ensureSwitch } from './start-machine.ts'
import { boot } from './up.ts'

/** Pulls a machine's plug: memory and everything not yet written to its disks are gone. */
export async function powerOff(options: LabOptions, host: string): Promise<void> {
  await alone(options, async (files) => {
    const { unplugged = [], ...state } = needState(files)
    await endProcess(host, files)
    const without = { ...state, frozen: thawed(state, host) }
    writeState(files, { ...without, unplugged: [...new Set([...unplugged, host])] })
  })
}

/** Starts a machine that is off and waits until it answers; cut links stay cut. */
export async function powerOn(options: LabOptions, host: string): Promise<void> {
  await alone(options, async (files) => {
    const before = needState(files)
    if ((await powerOf(host, files)) !== 'off') return
    if (runningMachines(files).length === 0) await ensureSwitch(files)
    else if (runningPid(switchName, files) === undefined)
      throw new Unreachable('The switch of the lab has ended; run: npm run lab up')
    const state = await ensureBmcs(before, files)
    const unplugged = (state.unplugged ?? []).filter((name) => name !== host)
    const frozen = thawed(state, host)
    await boot([host], writeState(files, { ...state, unplugged, frozen }), files, options)
  })
}

/** Stops a machine's processor: it says nothing more, keeps its memory, and may go on as if nothing were. */
export async function freeze(options: LabOptions, host: string): Promise<void> {
  await alone(options, async (files) => {
    const state = needState(files)
    if ((await powerOf(host, files)) === 'off')
      throw new Unreachable(`${host} is off; run: npm run lab power-on ${host}`)
    await withQmp(host, files.qmp(host), (qmp) => qmp.execute('stop'))
    writeState(files, { ...state, frozen: [...thawed(state, host), host] })
  })
}

/** Lets a frozen machine go on; resolves to what it was: one that was turned off meanwhile stays off. */
export async function thaw(options: LabOptions, host: string): Promise<Power> {
  return await alone(options, async (files) => {
    const state = needState(files)
    const off = runningPid(host, files) === undefined
    const power = off ? 'off' : await goOn(host, files)
    writeState(files, { ...state, frozen: thawed(state, host) })
    return power
  })
}

/** The machines that stay frozen without this one. */
function thawed({ frozen = [] }: Pick<LabState, 'frozen'>, host: string): string[] {
  return frozen.filter((name) => name !== host)
}

/** Ends all machines; their disks and snapshots stay, and the next `up` boots from them. */
export async function down(options: LabOptions): Promise<boolean> {
  return await alone(options, async (files) => {
    const begun = Date.now()
    const state = readState(files)
    if (state?.ready) {
      const lab = labOf(state, files)
      const power = await powers(files)
      const written = namesOf(files.topology)
        .filter((name) => power[name] === 'on')
        .map((name) =>
          runOn(machineLogin(lab, name), 'sync -f /', {
            timeoutMs: 15_000,
            connectTimeoutMs: 5_000,
          }),
        )
      // A machine that cannot be asked any more is ended all the same.
      await Promise.allSettled(written)
    }
    const ended = await endAll(files)
    if (state) writeState(files, { ...state, cuts: [], unplugged: [], frozen: [] })
    const text = ended ? `${namesOf(files.topology).join(', ')} are off` : 'nothing was running'
    options.say({ step: 'stop', text, seconds: since(begun) })
    return ended
  })
}

/** Ends all machines and removes the lab; with `image`, the cache of images as well. */
export async function destroy(options: LabOptions, more: { image?: boolean } = {}): Promise<void> {
  await alone(options, async (files) => {
    await endAll(files)
    rmSync(files.runDir, { recursive: true, force: true })
    rmSync(options.stateDir, { recursive: true, force: true })
    if (more.image) rmSync(options.cacheDir, { recursive: true, force: true })
    options.say({ step: 'stop', text: 'the lab is gone' })
  })
}
