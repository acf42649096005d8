import { spawn } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'
import { Interrupted, Unreachable } from '../core/errors.ts'
import type { Output } from '../core/task.ts'
import { type Connection, connect, exec as execOn, quote } from '../ssh/index.ts'
import { type LabFiles, type LabOptions, labFiles } from './model/lab-options.ts'
import { type Lab, type LabMachine, labOf, machineLogin, needState } from './model/state.ts'
import { runningPid } from './processes/processes.ts'
import { consoleTail } from './processes/serial.ts'
import { powerOf } from './running.ts'

/** What may go with a command on a machine. */
export interface ExecOptions {
  readonly stdin?: string
  readonly timeoutMs?: number
  readonly onStdout?: (chunk: string) => void
  readonly onStderr?: (chunk: string) => void
}

/** Logs in to a machine of the lab; the caller closes the connection. */
export function login(machine: LabMachine, connectTimeoutMs = 30_000): Promise<Connection> {
  return connect({
    name: machine.name,
    address: machine.address,
    port: machine.port,
    user: machine.user,
    identityFiles: [machine.identityFile],
    knownHosts: [machine.knownHosts],
    // The machines are the lab's own; no user's configuration is meant for them.
    sshConfig: 'none',
    connectTimeoutMs,
    keepaliveMs: 15_000,
  })
}

/** Runs a script on a machine over a connection of its own. */
export async function runOn(
  machine: LabMachine,
  script: string,
  options: ExecOptions & { connectTimeoutMs?: number; signal?: AbortSignal | undefined } = {},
): Promise<Output> {
  const connection = await login(machine, options.connectTimeoutMs)
  try {
    return await execOn(connection, script, options)
  } finally {
    await connection.close()
  }
}

/** Like runOn, but a non-zero exit code is an error. */
export async function mustRunOn(
  machine: LabMachine,
  script: string,
  options: { timeoutMs?: number; signal?: AbortSignal | undefined } = {},
): Promise<string> {
  const { stdout, stderr, exitCode } = await runOn(machine, script, options)
  if (exitCode !== 0)
    throw new Unreachable(
      `${machine.name} failed to prepare (exit code ${exitCode}): ${stderr.trim().split('\n').pop() ?? ''}`,
    )
  return stdout
}

/** Waits until a machine answers SSH; gives up as soon as its QEMU has ended. */
export async function waitForSsh(
  machine: LabMachine,
  files: LabFiles,
  options: { patienceMs: number; signal?: AbortSignal | undefined },
): Promise<void> {
  const end = Date.now() + options.patienceMs
  for (;;) {
    options.signal?.throwIfAborted()
    try {
      const connection = await login(machine, Math.max(1_000, Math.min(20_000, end - Date.now())))
      return await connection.close()
    } catch (error) {
      const tail = () => consoleTail(files.serial(machine.name))
      if (runningPid(machine.name, files) === undefined)
        throw new Unreachable(`${machine.name} went off while it started; console: ${tail()}`)
      const power = await powerOf(machine.name, files).catch(() => 'on')
      if (power === 'off') throw new Unreachable(`${machine.name} was turned off by its BMC`)
      // A wrong key never gets better; everything else may be a machine that still boots.
      if (/host key|login as/.test((error as Error).message) || Date.now() > end)
        throw new Unreachable(`${(error as Error).message}; console: ${tail()}`)
    }
    await sleep(300)
  }
}

/** Sets the clocks of machines that stood still to this machine's time. */
export async function setClocks(lab: Lab, files: LabFiles): Promise<void> {
  // The clock that is asked comes first: who asked it across its jump would take it for a liar for a minute.
  const { clock } = files.topology
  await setClock(machineLogin(lab, clock))
  const others = Object.values(lab.machines).filter(({ name }) => name !== clock)
  await Promise.all(others.map(setClock))
}

async function setClock(machine: LabMachine): Promise<void> {
  const connection = await login(machine)
  try {
    const now = (Date.now() / 1000).toFixed(3)
    // A chronyd that sees its clock jump forgets its server; going online makes it ask at once
    // instead of minutes later.
    const resync = 'chronyc -m offline online >/dev/null 2>&1 || :'
    await execOn(connection, `date -s @${now} >/dev/null; ${resync}`, { timeoutMs: 30_000 })
  } finally {
    await connection.close()
  }
}

/** Runs a command (words) or a script (text) on a machine of the lab. */
export async function exec(
  options: LabOptions,
  host: string,
  command: readonly string[] | string,
  more: ExecOptions = {},
): Promise<Output> {
  const machine = await running(options, host)
  const script = typeof command === 'string' ? command : command.map(quote).join(' ')
  return await runOn(machine, script, { ...more, signal: options.signal })
}

/** An interactive shell through OpenSSH's client; resolves to its exit code. */
export async function ssh(
  options: LabOptions,
  host: string,
  command: readonly string[] = [],
): Promise<number> {
  const machine = await running(options, host)
  const child = spawn('ssh', [...sshArgv(machine), ...command], { stdio: 'inherit' })
  return await new Promise((resolve, reject) => {
    child.once('error', () =>
      reject(new Unreachable('The ssh verb needs the OpenSSH client (package openssh-client)')),
    )
    child.once('exit', (code) => resolve(code ?? 255))
  })
}

/** Arguments of OpenSSH's client for a machine; nothing of the user's own configuration counts. */
export function sshArgv(machine: LabMachine): string[] {
  return [
    ...['-F', 'none', '-i', machine.identityFile, '-o', 'IdentitiesOnly=yes'],
    ...['-o', `UserKnownHostsFile=${machine.knownHosts}`, '-o', 'GlobalKnownHostsFile=none'],
    ...['-o', 'StrictHostKeyChecking=yes', '-p', String(machine.port)],
    `${machine.user}@${machine.address}`,
  ]
}

async function running(options: LabOptions, host: string): Promise<LabMachine> {
  const files = labFiles(options)
  const state = needState(files)
  // One that cannot be asked is busy with a command of the lab, and on.
  const power = await powerOf(host, files).catch(() => 'on')
  if (power === 'off') throw new Unreachable(`${host} is off; run: npm run lab power-on ${host}`)
  if (power === 'frozen') throw new Unreachable(`${host} is frozen; run: npm run lab thaw ${host}`)
  return machineLogin(labOf(state, files), host)
}

/** The error of an aborted lab command. */
export function interrupted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw new Interrupted('The lab command was interrupted; run it again')
}
