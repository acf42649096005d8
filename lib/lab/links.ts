import { UsageError } from '../core/errors.ts'
import { alone } from './alone.ts'
import type { LabFiles, LabOptions } from './model/lab-options.ts'
import { needState, writeState } from './model/state.ts'
import { linksOf } from './model/topology.ts'
import { plugBmcs } from './processes/bmc.ts'
import { runningPid } from './processes/processes.ts'
import { withQmp } from './processes/qmp.ts'

async function setLink(
  link: string,
  up: boolean,
  files: LabFiles,
  only?: readonly string[],
): Promise<void> {
  // Both ends at once: a crossover line without carrier on one side only is another failure.
  await Promise.all(
    (linksOf(files.topology).get(link) ?? [])
      .filter(({ machine }) => !only || only.includes(machine))
      .filter(({ machine }) => runningPid(machine, files) !== undefined)
      .map(({ machine, card }) =>
        withQmp(machine, files.qmp(machine), (qmp) => qmp.execute('set_link', { name: card, up })),
      ),
  )
}

/** Takes the carrier of cut links from machines that have just started. */
export async function applyCuts(
  cuts: readonly string[],
  files: LabFiles,
  only: readonly string[],
): Promise<void> {
  // One after another: QEMU's control socket serves one conversation at a time.
  for (const link of cuts) await setLink(link, false, files, only)
}

/** Gives every running machine all its carriers back; the switch has its own of `ensureSwitch`. */
export async function healAll(files: LabFiles): Promise<void> {
  for (const link of linksOf(files.topology).keys()) await setLink(link, true, files)
}

async function change(options: LabOptions, link: string, up: boolean): Promise<void> {
  const links = [...linksOf(options.topology).keys()]
  if (!links.includes(link))
    throw new UsageError(`Expected a link (${links.join(', ')}), got ${link}`)
  await alone(options, async (files) => {
    const state = needState(files)
    await setLink(link, up, files)
    const others = state.cuts.filter((cut) => cut !== link)
    await plugBmcs(writeState(files, { ...state, cuts: up ? others : [...others, link] }), files)
  })
}

/** Cuts a cable: both ends lose carrier at once, a BMC is silent; it stays so until healed, reset or down. */
export function cut(options: LabOptions, link: string): Promise<void> {
  return change(options, link, false)
}

/** Plugs a cut cable in again. */
export function heal(options: LabOptions, link: string): Promise<void> {
  return change(options, link, true)
}
