import { type LabPlace, labFiles } from './model/lab-options.ts'
import { type Lab, labOf, readState } from './model/state.ts'
import { namesOf } from './model/topology.ts'
import { switchName } from './processes/argv.ts'
import { runningPid } from './processes/processes.ts'
import { type Power, powerOf } from './running.ts'

/** What a machine is doing; one of which a snapshot is taken is `frozen` for that moment. */
export interface MachineStatus {
  readonly name: string
  readonly state: Power
  readonly pid?: number
  /** Port on 127.0.0.1; undefined where no lab was made. */
  readonly port?: number
}

/** The lab at a glance. */
export interface LabStatus {
  /** Undefined where none was made, or where the first `up` has not finished. */
  readonly lab?: Lab
  readonly machines: readonly MachineStatus[]
  readonly switchRunning: boolean
  readonly cuts: readonly string[]
  /** Hash of the image under the disks. */
  readonly image?: string
}

/** Looks at the lab without changing or waiting for anything. */
export async function status(place: LabPlace): Promise<LabStatus> {
  const files = labFiles(place)
  const state = readState(files)
  const one = async (name: string): Promise<MachineStatus> => {
    const pid = runningPid(name, files)
    const port = state?.machines[name]?.port
    const place = { name, ...(port !== undefined && { port }) }
    if (pid === undefined) return { ...place, state: 'off' }
    // Busy control socket: another lab command is talking to it, so it lives.
    return { ...place, pid, state: await powerOf(name, files).catch(() => 'on' as const) }
  }
  return {
    ...(state?.ready && { lab: labOf(state, files) }),
    machines: await Promise.all(namesOf(files.topology).map(one)),
    switchRunning: runningPid(switchName, files) !== undefined,
    cuts: state?.cuts ?? [],
    ...(state && { image: state.image }),
  }
}
