import { createServer } from 'node:net'
import { Unreachable } from '../core/errors.ts'
import { writeKnownHosts } from './identity/identity.ts'
import { imageFile } from './image/image.ts'
import { applyCuts } from './links.ts'
import type { LabFiles } from './model/lab-options.ts'
import { type LabState, type Level, loginOf, writeState } from './model/state.ts'
import { machineOf, namesOf } from './model/topology.ts'
import { machineArgv, switchArgv, switchName } from './processes/argv.ts'
import { endBmcs, plugBmcs, startBmcs } from './processes/bmc.ts'
import {
  endProcess,
  makeRunDir,
  runningPid,
  startQemu,
  startSwitch,
} from './processes/processes.ts'
import { resume } from './running.ts'

/** A port on 127.0.0.1 that nothing listens on; `wanted` where that is free. */
export async function freePort(wanted = 0): Promise<number> {
  const attempt = (port: number) =>
    new Promise<number | undefined>((resolve) => {
      const server = createServer()
      server.once('error', () => resolve(undefined))
      server.listen(port, '127.0.0.1', () => {
        const address = server.address()
        server.close(() => resolve(typeof address === 'object' ? address?.port : undefined))
      })
    })
  const port = (await attempt(wanted)) ?? (await attempt(0))
  if (port === undefined) throw new Unreachable('Expected a free port on 127.0.0.1, found none')
  return port
}

/** Starts the switch; machines that outlived another switch lost their cables and are ended. */
export async function ensureSwitch(files: LabFiles): Promise<void> {
  makeRunDir(files, process.getuid?.() ?? 0)
  if (runningPid(switchName, files) !== undefined) return
  for (const name of namesOf(files.topology)) await endProcess(name, files)
  await startSwitch(switchArgv(files), files)
}

/** Starts the BMCs where they do not run, and lets the switch know of them. */
export async function ensureBmcs(state: LabState, files: LabFiles): Promise<LabState> {
  const now = await startBmcs(state, files)
  await plugBmcs(now, files)
  return now
}

/** Starts one machine that is off; cut links stay cut. Restored machines wait for `cont`. */
export async function startMachine(
  name: string,
  state: LabState,
  files: LabFiles,
  snapshot?: Level,
): Promise<LabState> {
  if (runningPid(name, files) !== undefined) {
    // Its BMC turned it off: it has power, and boots afresh.
    await resume([name], files, true)
    return state
  }
  const login = loginOf(state, name)
  const port = await freePort(login.port)
  let now = state
  if (port !== login.port) {
    const moved = { ...login, port }
    now = writeState(files, { ...state, machines: { ...state.machines, [name]: moved } })
    writeKnownHosts(files, now)
  }
  const argv = machineArgv(machineOf(files.topology, name), files, {
    acceleration: now.acceleration,
    kernel: imageFile(now.imageDir, 'vmlinuz'),
    port,
    ...(snapshot && { snapshot }),
  })
  await startQemu(name, argv, files)
  await applyCuts(now.cuts, files, [name])
  return now
}

/** Ends all processes of the lab: nobody is to work a machine that ends, so the BMCs go first. */
export async function endAll(files: LabFiles): Promise<boolean> {
  const bmcs = await endBmcs(files)
  const names = namesOf(files.topology)
  const ended = [bmcs, ...(await Promise.all(names.map((name) => endProcess(name, files))))]
  return (await endProcess(switchName, files)) || ended.includes(true)
}
