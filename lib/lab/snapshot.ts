import { UsageError } from '../core/errors.ts'
import { alone, since } from './alone.ts'
import { setClocks, waitForSsh } from './guest-shell.ts'
import { healAll } from './links.ts'
import type { LabFiles, LabOptions } from './model/lab-options.ts'
import {
  type Lab,
  type LabState,
  type Level,
  labOf,
  machineLogin,
  needState,
  writeState,
} from './model/state.ts'
import { namesOf } from './model/topology.ts'
import { endBmcs } from './processes/bmc.ts'
import { endProcess } from './processes/processes.ts'
import { withQmp } from './processes/qmp.ts'
import { powers, resume, runningMachines } from './running.ts'
import { ensureBmcs, ensureSwitch, startMachine } from './start-machine.ts'

/** Milliseconds a machine may take from start to its first SSH login. */
export function bootPatienceMs(state: Pick<LabState, 'acceleration'>): number {
  return state.acceleration === 'kvm' ? 90_000 : 420_000
}

async function onAll(
  names: readonly string[],
  files: LabFiles,
  command: { execute: string } | { monitor: string },
): Promise<void> {
  await Promise.all(
    names.map((name) =>
      withQmp(name, files.qmp(name), async (qmp) => {
        await ('monitor' in command ? qmp.monitor(command.monitor) : qmp.execute(command.execute))
      }),
    ),
  )
}

/** Saves all machines as one: stopped together, so that no frame is seen by one and not the other. */
export async function saveAll(
  level: Level,
  state: LabState,
  files: LabFiles,
  options: LabOptions,
): Promise<LabState> {
  const begun = Date.now()
  // Half of a new snapshot is none: the level is unknown until all are saved.
  const { [level]: _, ...others } = state.snapshots
  writeState(files, { ...state, snapshots: others })
  const machines = namesOf(files.topology)
  await onAll(machines, files, { execute: 'stop' })
  try {
    await onAll(machines, files, { monitor: `savevm ${level}` })
  } finally {
    await resume(machines, files)
  }
  await setClocks(labOf(state, files), files)
  options.say({ step: 'snapshot', text: `saved ${level}`, seconds: since(begun) })
  const saved = { ...others, [level]: new Date().toISOString() }
  return writeState(files, { ...state, snapshots: saved })
}

/** Goes back to a level, whatever the machines are doing; frees all cables and sets the clocks. */
export async function restoreAll(
  level: Level,
  before: LabState,
  files: LabFiles,
  options: LabOptions,
): Promise<LabState> {
  const begun = Date.now()
  options.say({ step: 'snapshot', text: `going back to ${level}` })
  let state = writeState(files, {
    ...before,
    cuts: [],
    unplugged: [],
    frozen: [],
    restoring: level,
  })
  // What they were about to do belongs to the time that is given up.
  await endBmcs(files)
  await ensureSwitch(files)
  // Never `loadvm` in a process that has run on: QEMU does not let a processor's tick counter go
  // back, so the guest would find its clock jumped by all the time since, and heartbeat with it.
  await Promise.all(runningMachines(files).map((name) => endProcess(name, files)))
  const machines = namesOf(files.topology)
  for (const name of machines) state = await startMachine(name, state, files, level)
  await healAll(files)
  await resume(machines, files, true)
  // Not before: whoever was told that a machine is off must not see it run.
  state = await ensureBmcs(state, files)
  const lab = labOf(state, files)
  await Promise.all(
    machines.map((name) =>
      waitForSsh(machineLogin(lab, name), files, {
        patienceMs: bootPatienceMs(state),
        signal: options.signal,
      }),
    ),
  )
  await setClocks(lab, files)
  const { restoring: _, ...whole } = state
  state = writeState(files, whole)
  options.say({
    step: 'snapshot',
    text: `${machines.join(', ')} are at ${level}`,
    seconds: since(begun),
  })
  return state
}

/** Puts all machines back to a saved level. */
export async function reset(options: LabOptions, level: Level = 'clean'): Promise<Lab> {
  return await alone(options, async (files) => {
    const state = needState(files)
    if (!state.snapshots[level])
      throw new UsageError(
        `There is no snapshot ${level}; there is ${Object.keys(state.snapshots).join(', ') || 'none'}`,
      )
    return labOf(await restoreAll(level, state, files, options), files)
  })
}

/** Saves the present state of all machines under a level, replacing it. */
export async function saveSnapshot(options: LabOptions, level: Level): Promise<void> {
  await alone(options, async (files) => {
    const state = needState(files)
    const power = await powers(files)
    const machines = namesOf(files.topology)
    const on = machines.filter((name) => power[name] === 'on')
    if (on.length < machines.length || state.cuts.length > 0)
      throw new UsageError(
        `A snapshot needs all machines on and all links connected; on: ${on.join(', ') || 'none'}; cut: ${state.cuts.join(', ') || 'none'}`,
      )
    await saveAll(level, state, files, options)
  })
}

/** Forgets a level; its space in the disks is used again. */
export async function dropSnapshot(options: LabOptions, level: Level): Promise<void> {
  await alone(options, async (files) => {
    const state = needState(files)
    const { [level]: _, ...snapshots } = state.snapshots
    writeState(files, { ...state, snapshots })
    await onAll(runningMachines(files), files, { monitor: `delvm ${level}` })
  })
}
