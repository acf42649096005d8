import type { LabFiles } from './model/lab-options.ts'
import { locked } from './model/lock.ts'
import { namesOf } from './model/topology.ts'
import { runningPid } from './processes/processes.ts'
import { type Qmp, withQmp } from './processes/qmp.ts'

/** What a machine is to others; `off` is also one whose QEMU runs, but which its BMC turned off. */
export type Power = 'on' | 'off' | 'frozen'

async function ask(qmp: Qmp): Promise<Power> {
  const { status } = (await qmp.execute('query-status')) as { status: string }
  // QEMU calls it so when nothing has run since the last reset.
  if (status === 'prelaunch') return 'off'
  return status === 'paused' ? 'frozen' : 'on'
}

/** What a machine is doing at the moment. */
export async function powerOf(name: string, files: LabFiles): Promise<Power> {
  if (runningPid(name, files) === undefined) return 'off'
  return await withQmp(name, files.qmp(name), ask)
}

/** What all machines are doing at the moment. */
export async function powers(files: LabFiles): Promise<Readonly<Record<string, Power>>> {
  const all = await Promise.all(
    namesOf(files.topology).map(async (name) => [name, await powerOf(name, files)] as const),
  )
  return Object.fromEntries(all)
}

/** Lets a machine go on from where it stands still, one that is off only where `off` says so; resolves to what it was. */
export function goOn(name: string, files: LabFiles, off = false): Promise<Power> {
  // A BMC takes the same lock: what it turns off between our question and our order would run again.
  return locked(files.power(name), {}, () =>
    withQmp(name, files.qmp(name), async (qmp) => {
      const power = await ask(qmp)
      if (power !== 'off' || off) await qmp.execute('cont')
      return power
    }),
  )
}

/** Lets machines run that a command left paused; those that are off only where `off` says so. */
export async function resume(
  names: readonly string[],
  files: LabFiles,
  off = false,
): Promise<void> {
  await Promise.all(names.map((name) => goOn(name, files, off)))
}

/** Names of the machines whose QEMU runs, whether it lets them run or not. */
export function runningMachines(files: LabFiles): string[] {
  return namesOf(files.topology).filter((name) => runningPid(name, files) !== undefined)
}
