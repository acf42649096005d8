import { readFileSync, renameSync, writeFileSync } from 'node:fs'
import { UsageError } from '../../core/errors.ts'
import type { Acceleration } from '../processes/argv.ts'
import { type LabFiles, type LabPlace, labFiles } from './lab-options.ts'
import { bmcsOf, namesOf } from './topology.ts'

/** Snapshot levels: nothing of ours, and the state after a site run. */
export const levels = ['clean', 'converged'] as const
export type Level = (typeof levels)[number]

/** How to log in to one machine. */
export interface LabMachine {
  readonly name: string
  readonly address: '127.0.0.1'
  readonly port: number
  readonly user: 'root'
  readonly identityFile: string
  readonly knownHosts: string
}

/** A lab that was made; what inventories and drills need of it. */
export interface Lab {
  readonly machines: Readonly<Record<string, LabMachine>>
  readonly acceleration: Acceleration
  /** Milliseconds of one fork and exec in a guest, measured; time-outs follow it. */
  readonly forkMs: number
  /** Seconds that building the image and the last boot took; undefined where not done. */
  readonly seconds: { readonly image?: number; readonly boot?: number }
  readonly cuts: readonly string[]
  /** Levels that `reset` can go back to, with the time they were saved (ISO 8601). */
  readonly snapshots: Readonly<Partial<Record<Level, string>>>
}

/** What only the lab knows of a BMC: its port on 127.0.0.1, and the password of its user. */
export interface BmcState {
  readonly port: number
  readonly password: string
}

/** What lab.json holds. */
export interface LabState {
  readonly version: 4
  /** Set once the first boot has been provisioned and saved; anything before is started afresh. */
  readonly ready: boolean
  /** Recipe hash of the image the disks are based on. */
  readonly image: string
  /** Folder of that image. */
  readonly imageDir: string
  readonly acceleration: Acceleration
  readonly forkMs: number
  readonly seconds: { readonly image?: number; readonly boot?: number }
  readonly machines: Readonly<Record<string, { readonly port: number; readonly key: string }>>
  readonly bmc: Readonly<Record<string, BmcState>>
  readonly cuts: readonly string[]
  readonly snapshots: Readonly<Partial<Record<Level, string>>>
  /** Machines that `power-off` turned off, which stay so until someone turns them on. */
  readonly unplugged?: readonly string[]
  /** Machines that `freeze` stopped, and that nobody thawed, turned off or restored since. */
  readonly frozen?: readonly string[]
  /** A restore that was begun and not finished: the machines may be of different times. */
  readonly restoring?: Level
}

/** The state of a lab; undefined where none was made or its file is of another version. */
export function readState(files: LabFiles): LabState | undefined {
  try {
    const state = JSON.parse(readFileSync(files.lab, 'utf8')) as LabState
    return state.version === 4 ? state : undefined
  } catch {
    return undefined
  }
}

/** Stores the state, whole or not at all. */
export function writeState(files: LabFiles, state: LabState): LabState {
  const partial = `${files.lab}.partial`
  writeFileSync(partial, `${JSON.stringify(state, undefined, 2)}\n`, { mode: 0o600 })
  renameSync(partial, files.lab)
  return state
}

/** The state of a lab that must exist. */
export function needState(files: LabFiles): LabState {
  const state = readState(files)
  if (!state?.ready) throw new UsageError('There is no lab yet; run: npm run lab up')
  return state
}

/** What the state says to others. */
export function labOf(state: LabState, files: LabFiles): Lab {
  const login = (name: string): LabMachine => ({
    name,
    address: '127.0.0.1',
    port: loginOf(state, name).port,
    user: 'root',
    identityFile: files.identityFile,
    knownHosts: files.knownHosts,
  })
  const all = namesOf(files.topology).map((name) => [name, login(name)] as const)
  return {
    machines: Object.fromEntries(all),
    acceleration: state.acceleration,
    forkMs: state.forkMs,
    seconds: state.seconds,
    cuts: state.cuts,
    snapshots: state.snapshots,
  }
}

/** Port and host key of a machine that the lab was made with. */
export function loginOf(state: Pick<LabState, 'machines'>, name: string) {
  return known(state.machines, name)
}

/** Port and password of a machine's BMC. */
export function bmcStateOf(state: Pick<LabState, 'bmc'>, name: string): BmcState {
  return known(state.bmc, name)
}

/** How to log in to a machine of the lab. */
export function machineLogin(lab: Pick<Lab, 'machines'>, name: string): LabMachine {
  return known(lab.machines, name)
}

function known<T>(of: Readonly<Record<string, T>>, name: string): T {
  const found = of[name]
  if (found !== undefined) return found
  throw new UsageError(
    `This lab was made without ${name} (it has ${Object.keys(of).join(', ')}); run: npm run lab destroy`,
  )
}

/** The lab of a folder, read synchronously; undefined where `up` has not finished yet. */
export function readLab(place: LabPlace): Lab | undefined {
  const files = labFiles(place)
  const state = readState(files)
  return state?.ready ? labOf(state, files) : undefined
}

/** The passwords of a lab's BMCs, read synchronously; undefined where `up` has not finished yet. */
export function bmcPasswords(place: LabPlace): Readonly<Record<string, string>> | undefined {
  const state = readState(labFiles(place))
  if (!state?.ready) return undefined
  const all = bmcsOf(place.topology).map(({ name }) => [name, bmcStateOf(state, name).password])
  return Object.fromEntries(all)
}
