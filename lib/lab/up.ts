import { existsSync } from 'node:fs'
import { UsageError } from '../core/errors.ts'
import { probeAcceleration } from './acceleration.ts'
import { alone, since } from './alone.ts'
import { makeLab, provision } from './create.ts'
import { interrupted, runOn, waitForSsh } from './guest-shell.ts'
import { ensureImage, imageFile, stillGood } from './image/image.ts'
import { type Packages, recipeHash } from './image/recipe.ts'
import { ensureTools } from './image/tools.ts'
import type { LabFiles, LabOptions } from './model/lab-options.ts'
import {
  type Lab,
  type LabState,
  labOf,
  machineLogin,
  readState,
  writeState,
} from './model/state.ts'
import { namesOf } from './model/topology.ts'
import { powers, resume, runningMachines } from './running.ts'
import { bootPatienceMs, restoreAll, saveAll } from './snapshot.ts'
import { ensureBmcs, ensureSwitch, startMachine } from './start-machine.ts'

/**
 * Brings the lab up: builds what is missing, starts what is off, and does nothing to what runs.
 * With `keepOff` a machine that `power-off` or its BMC turned off stays off, and one that `freeze`
 * stopped stays frozen: a playbook is to meet them so. `packages` is what the roles install, by image.
 */
export async function up(
  options: LabOptions,
  more: { packages: Packages; keepOff?: boolean },
): Promise<Lab> {
  await ensureTools(options)
  return await alone(options, async (files) => {
    const state = await existing(more.packages, files, options)
    if (!state) return labOf(await first(more.packages, files, options), files)
    if (state.restoring)
      return labOf(await restoreAll(state.restoring, state, files, options), files)
    await ensureSwitch(files)
    return labOf(await bringUp(await ensureBmcs(state, files), more, files, options), files)
  })
}

async function bringUp(
  before: LabState,
  more: { keepOff?: boolean },
  files: LabFiles,
  options: LabOptions,
): Promise<LabState> {
  const power = await powers(files)
  const kept = (names: readonly string[] = []) => (more.keepOff ? names : [])
  const unplugged = kept(before.unplugged)
  const frozen = kept(before.frozen).filter((name) => power[name] === 'frozen')
  const machines = namesOf(files.topology)
  const idle = machines.filter((name) => power[name] === 'off')
  // Its QEMU runs and it is off: that was its BMC.
  const switchedOff = kept(idle).filter((name) => runningMachines(files).includes(name))
  const stay = machines.filter((name) => [...unplugged, ...switchedOff].includes(name))
  const start = idle.filter((name) => !stay.includes(name))
  const on = machines.filter((name) => power[name] !== 'off' && !frozen.includes(name))
  await resume(on, files)
  const state = writeState(files, { ...before, unplugged, frozen })
  const tell = (text: string) => options.say({ step: 'boot', text })
  for (const name of stay) tell(`${name} is off; npm run lab power-on ${name}`)
  for (const name of frozen) tell(`${name} is frozen; npm run lab thaw ${name}`)
  if (start.length > 0) return await boot(start, state, files, options)
  const lab = labOf(state, files)
  const patience = { patienceMs: bootPatienceMs(state), signal: options.signal }
  await Promise.all(on.map((name) => waitForSsh(machineLogin(lab, name), files, patience)))
  tell('the lab is up already')
  return state
}

/** The state of a lab that was made to its end; a half-made one counts as none. */
async function existing(
  packages: Packages,
  files: LabFiles,
  options: LabOptions,
): Promise<LabState | undefined> {
  const state = readState(files)
  if (!state?.ready) return undefined
  if (!existsSync(imageFile(state.imageDir, 'vmlinuz')))
    throw new UsageError(
      `The image ${state.image} under this lab's disks is gone; run: npm run lab destroy`,
    )
  const image = { hash: state.image, dir: state.imageDir }
  if (!stillGood(image, options.topology, packages))
    options.say({
      step: 'image',
      text: `this lab was made from image ${state.image}, but a new one would be made from image ${recipeHash(options.topology, packages)}; to renew the lab: npm run lab destroy`,
    })
  // KVM can come or go with a reboot; snapshots of the other acceleration do not load.
  if (runningMachines(files).length > 0) return state
  const probed = await probeAcceleration(
    { hash: state.image, dir: state.imageDir, seconds: 0 },
    options,
  )
  if (probed.acceleration === state.acceleration) return state
  options.say({ step: 'acceleration', text: `now ${probed.acceleration}: ${probed.reason}` })
  throw new UsageError(
    `This lab was made with ${state.acceleration} and the machine now has ${probed.acceleration}; run: npm run lab destroy`,
  )
}

async function first(packages: Packages, files: LabFiles, options: LabOptions): Promise<LabState> {
  const image = await ensureImage(packages, options)
  const probed = await probeAcceleration(image, options)
  options.say({
    step: 'acceleration',
    text: `using ${probed.acceleration} (${probed.reason})`,
  })
  const made = await makeLab(image, probed, files, options)
  await ensureSwitch(files)
  const machines = namesOf(files.topology)
  const booted = await boot(machines, await ensureBmcs(made, files), files, options)
  const provisioned = await provision(booted, files, options)
  const saved = await saveAll('clean', provisioned, files, options)
  return writeState(files, { ...saved, ready: true })
}

/** Cold starts machines side by side and waits until they answer. */
export async function boot(
  names: readonly string[],
  before: LabState,
  files: LabFiles,
  options: LabOptions,
): Promise<LabState> {
  const begun = Date.now()
  options.say({ step: 'boot', text: `starting ${names.join(', ')}` })
  let state = before
  for (const name of names) state = await startMachine(name, state, files)
  const lab = labOf(state, files)
  await Promise.all(
    names.map(async (name) => {
      await waitForSsh(machineLogin(lab, name), files, {
        patienceMs: bootPatienceMs(state),
        signal: options.signal,
      })
      options.say({ step: 'boot', text: `${name} answers`, seconds: since(begun) })
    }),
  )
  await settle(names, state, files)
  interrupted(options.signal)
  const seconds = { ...state.seconds, boot: since(begun) }
  return writeState(files, { ...state, seconds })
}

/** Waits for the end of start-up, so that a snapshot or a playbook meets a quiet machine. */
async function settle(names: readonly string[], state: LabState, files: LabFiles): Promise<void> {
  const lab = labOf(state, files)
  // `degraded` (a failed unit) is a state a playbook may repair, so only the waiting counts.
  const script = 'systemctl is-system-running --wait >/dev/null 2>&1 || :'
  await Promise.all(
    names.map((name) =>
      runOn(machineLogin(lab, name), script, { timeoutMs: bootPatienceMs(state) }),
    ),
  )
}
