import { hostname } from 'node:os'
import { PassThrough } from 'node:stream'
import { exitCodeOf, sentence } from '../../core/errors.ts'
import { type Ability, abilities, type Environment } from '../../drill/environment.ts'
import { sshMachine } from '../../drill/machine/ssh-machine.ts'
import type { DrillSet } from '../../drill/set.ts'
import type { Sight } from '../../drill/system.ts'
import { loginOf } from '../../engine/pool.ts'
import { lockPath } from '../../engine/target.ts'
import type { Inventory } from '../../inventory/index.ts'
import { harmless } from '../../report/colour.ts'
import {
  type Connection,
  type ConnectOptions,
  connect,
  openSession,
  type Session,
} from '../../ssh/index.ts'
import type { Context } from '../common/context.ts'
import { loginDefaults } from '../common/defaults.ts'
import { type LabModule, labSettings } from '../lab/lab-module.ts'
import { play } from '../play/play-command.ts'

/** How to log in to each host of the inventory, the lab's as they are at the moment. */
function logins(
  inventory: Inventory,
  context: Context,
  lab: LabModule | undefined,
): (name: string) => ConnectOptions {
  const defaults = loginDefaults(context.env)
  return (name) => {
    const login = loginOf(inventory, name, defaults)
    // A machine that was off may have come back on another port.
    const now = lab?.readLab({ ...lab.labPaths(context.env), topology: lab.topology })?.machines[
      name
    ]
    return { ...login, port: now?.port ?? login.port, keepaliveMs: 5_000 }
  }
}

/** The locks of all hosts, as any run takes them; given back for runs of our own. */
class Locks {
  readonly #names: readonly string[]
  readonly #login: (name: string) => ConnectOptions
  readonly #path: string
  readonly #say: (text: string) => void
  readonly #held = new Map<string, { connection: Connection; session: Session }>()

  constructor(
    names: readonly string[],
    login: (name: string) => ConnectOptions,
    path: string,
    say: (text: string) => void,
  ) {
    this.#names = names
    this.#say = say
    this.#login = login
    this.#path = path
  }

  async take(): Promise<void> {
    for (const name of this.#names) {
      // A machine that lost its power lost its lock with it.
      if (this.#held.get(name)?.connection.lost.aborted === false) continue
      const connection = await connect(this.#login(name))
      const holder = `a drill from ${hostname()} (process ${process.pid})`
      try {
        const session = await openSession(connection, {
          timeoutMs: 60_000,
          lock: {
            path: this.#path,
            holder,
            onWait: (text) => this.#say(`${name}: ${text}`),
          },
        })
        this.#held.set(name, { connection, session })
      } catch (error) {
        await connection.close()
        throw error
      }
    }
  }

  async release(): Promise<void> {
    const held = [...this.#held.values()]
    this.#held.clear()
    await Promise.allSettled(
      held.map(({ connection, session }) => session.close().finally(() => connection.close())),
    )
  }
}

/** An environment of real connections; with `lab` the machines can lose power, cables and disks as well. */
export function realEnvironment<P, S extends Sight>(
  inventory: Inventory,
  set: DrillSet<P, S>,
  slow: number,
  context: Context,
  lab: LabModule | undefined,
): Environment<P, S> {
  const plan = set.plan(inventory, slow)
  const system = set.system(plan)
  const login = logins(inventory, context, lab)
  const [one, two, client] = [...system.nodes, system.client].map((name) =>
    sshMachine(name, () => login(name)),
  ) as [ReturnType<typeof sshMachine>, ReturnType<typeof sshMachine>, ReturnType<typeof sshMachine>]
  const machines = [one, two, client]
  const nodes = [one, two]
  const locks = new Locks(
    machines.map(({ name }) => name),
    login,
    inventory.lockPath ?? lockPath,
    (text) => context.stderr.write(`${harmless(text)}\n`),
  )
  // Without a signal: what an interrupt leaves to undo must still be done.
  const settings = lab && labSettings(lab, context, { install: false })
  const inLab = <T>(
    work: (lab: LabModule, options: NonNullable<typeof settings>) => Promise<T>,
  ) => {
    if (!lab || !settings) throw new Error('only the lab can do that')
    return work(lab, settings)
  }
  return {
    plan,
    system,
    can: new Set<Ability>(lab ? abilities : []),
    nodes,
    client,
    look: (options) => system.look(nodes, client, options),
    powerOff: (name) => inLab((own, options) => own.powerOff(options, name)),
    powerOn: (name) => inLab((own, options) => own.powerOn(options, name)),
    freeze: (name) => inLab((own, options) => own.freeze(options, name)),
    thaw: async (name) => {
      await inLab((own, options) => own.thaw(options, name))
    },
    cut: (link) => inLab((own, options) => own.cut(options, link)),
    heal: (link) => inLab((own, options) => own.heal(options, link)),
    play: async (words) => {
      await locks.release()
      try {
        return await played([...words, '--inventory', inventory.name], context)
      } finally {
        // A host that is off is locked when the next round finds it on.
        await locks.take().catch(() => {})
      }
    },
    restore: async () => {
      await locks.release()
      await inLab((own, options) => own.reset(options, 'converged'))
      await Promise.allSettled(machines.map((machine) => machine.close()))
    },
    lock: () => locks.take(),
    close: async () => {
      await locks.release()
      await Promise.allSettled(machines.map((machine) => machine.close()))
    },
  }
}

/** Runs a playbook in this process, its output kept. */
async function played(words: readonly string[], context: Context) {
  const pieces: string[] = []
  const stream = new PassThrough()
  stream.setEncoding('utf8').on('data', (text: string) => pieces.push(text))
  const kept = Object.assign(stream, { isTTY: false, columns: 200 })
  const output = kept as unknown as NodeJS.WriteStream
  let code: number
  try {
    code = await play([...words, '--output', 'plain'], {
      ...context,
      stdout: output,
      stderr: output,
    })
  } catch (error) {
    pieces.push(`${sentence(error)}\n`)
    code = exitCodeOf(error)
  }
  return { code, text: pieces.join('') }
}
