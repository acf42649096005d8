import { randomBytes } from 'node:crypto'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'
import { Unreachable } from '../../core/errors.ts'
import { quote } from '../../ssh/index.ts'
import type { LabFiles } from '../model/lab-options.ts'
import { locked } from '../model/lock.ts'
import { type BmcState, bmcStateOf, type LabState, writeState } from '../model/state.ts'
import { type Bmc, bmcName, bmcsOf } from '../model/topology.ts'
import { switchName } from './argv.ts'
import { bmcConfig, endProcess, runningPid, startBmc } from './processes.ts'

/** A password as long as every BMC takes, and ipmi_sim takes whole. */
export function newPassword(): string {
  return randomBytes(12).toString('base64url').replaceAll('-', 'x').replaceAll('_', 'y')
}

/** ipmi_sim joins quoted pieces; there is no escape inside of one. */
const simString = (value: string) => `"${value.replaceAll('"', `"'"'"`)}"`

/** The configuration of one BMC's process; it holds the password. */
export function simConfig(node: string, bmc: Bmc, state: BmcState, files: LabFiles): string {
  const program = join(import.meta.dirname, 'chassis.mjs')
  // One order at a time, and none while the lab lets the machine go on from where it stopped.
  const call = ['flock', '-w', '10', files.power(node), process.execPath, program]
  return [
    `name ${simString(bmcName(node))}`,
    'set_working_mc 0x20',
    'startlan 1',
    `addr 127.0.0.1 ${state.port}`,
    'priv_limit admin',
    'allowed_auths_admin md5',
    // Without it there is no RMCP+.
    `guid ${bmc.mac.replaceAll(':', '').padStart(32, '0')}`,
    'endlan',
    `chassis_control ${simString([...call, files.bmcQmp(node)].map(quote).join(' '))}`,
    `user 2 true ${simString(bmc.user)} ${simString(state.password)} admin 8`,
    '',
  ].join('\n')
}

/** One management controller, which is the BMC itself. */
const simCommands = `mc_setbmc 0x20
mc_add 0x20 0 no-device-sdrs 0x23 9 8 0x9f 0x1291 0xf02
mc_enable 0x20
`

/** A UDP port on 127.0.0.1 that nobody has; `wanted` where that is free. */
async function freeUdpPort(wanted: number): Promise<number> {
  for (const port of [wanted, 0]) {
    const socket = createSocket('udp4')
    try {
      socket.bind(port, '127.0.0.1')
      await once(socket, 'listening')
      return socket.address().port
    } catch {
      // Somebody else has it.
    } finally {
      socket.close()
    }
  }
  throw new Unreachable('Expected a free UDP port on 127.0.0.1, found none')
}

/** Whether something answers IPMI's own ping on a port of 127.0.0.1. */
async function answers(port: number): Promise<boolean> {
  const socket = createSocket('udp4')
  try {
    const answer = once(socket, 'message', { signal: AbortSignal.timeout(100) })
    // RMCP, class ASF: a presence ping.
    socket.send(Buffer.from('0600ff06000011be80010000', 'hex'), port, '127.0.0.1')
    await answer
    return true
  } catch {
    return false
  } finally {
    socket.close()
  }
}

async function startOne(
  node: string,
  bmc: Bmc,
  state: LabState,
  files: LabFiles,
): Promise<LabState> {
  if (runningPid(bmcName(node), files) !== undefined) return state
  const name = bmcName(node)
  const before = bmcStateOf(state, node)
  const port = await freeUdpPort(before.port)
  const own = { ...before, port }
  const now = writeState(files, { ...state, bmc: { ...state.bmc, [node]: own } })
  const folder = files.bmcDir(name)
  // What an earlier process kept there would count for more than what it is told now.
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { mode: 0o700 })
  writeFileSync(bmcConfig(files.pid(name)), simConfig(node, bmc, own, files), { mode: 0o600 })
  writeFileSync(join(folder, 'commands'), simCommands)
  const ended = startBmc(name, files)
  for (let tries = 0; tries < 100; tries++) {
    if (await answers(port)) return now
    if (ended() !== undefined || tries === 99)
      throw new Unreachable(`The BMC of ${node} did not start; its log: ${files.log(name)}`)
    await sleep(20)
  }
  return now
}

/** Starts the BMCs that do not run; a port that somebody else took meanwhile is replaced. */
export async function startBmcs(before: LabState, files: LabFiles): Promise<LabState> {
  let state = before
  for (const { name, bmc } of bmcsOf(files.topology))
    state = await startOne(name, bmc, state, files)
  return state
}

/** Ends the BMCs, and with them whatever they were about to do. */
export async function endBmcs(files: LabFiles): Promise<boolean> {
  const ended = await Promise.all(
    bmcsOf(files.topology).map(async ({ name: node }) => {
      if (!(await endProcess(bmcName(node), files))) return false
      // An order that it had given already is carried out to its end.
      await locked(files.power(node), {}, async () => {})
      return true
    }),
  )
  return ended.includes(true)
}

/** Tells the switch where the BMCs listen and which are cut off; it may be told again at any time. */
export async function plugBmcs(state: Pick<LabState, 'bmc' | 'cuts'>, files: LabFiles) {
  if (runningPid(switchName, files) === undefined) return
  const told = bmcsOf(files.topology).map(({ name: node }) => {
    const cut = state.cuts.includes(bmcName(node))
    return [bmcName(node), { port: bmcStateOf(state, node).port, cut }]
  })
  const socket = connect(files.control(switchName))
  socket.setTimeout(10_000, () => socket.destroy(new Error('it does not answer')))
  socket.write(`${JSON.stringify(Object.fromEntries(told))}\n`)
  const said = await text(socket).catch((error: Error) => error.message)
  if (said !== 'ok\n')
    throw new Unreachable(`The switch of the lab could not be told of the BMCs: ${said.trim()}`)
}
