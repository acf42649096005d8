import { readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { hostDir, pidOf } from './hosts.ts'
import { type Command, measure } from './measure.ts'
import { nodeOf, numbers, type Places } from './places.ts'
import type { Run } from './rows.ts'
import { differences, type EndState, endState } from './state.ts'

/** What the four handlers leave, once each. */
const handled = 'sysctl\ndrbd\nexports\nheartbeat\n'
const script = join(import.meta.dirname, 'shell.sh')

/** The end states of the first contender, which those of all others must equal. */
export class Reference {
  readonly #at: Places
  readonly #signal: AbortSignal
  #of = ''
  #states: readonly EndState[] | undefined

  constructor(at: Places, signal: AbortSignal) {
    this.#at = at
    this.#signal = signal
  }

  /** Throws unless the hosts are as the work says, and as every other contender left them. */
  async verify(name: string, run: Run, hosts: number): Promise<void> {
    const states = numbers(hosts).map((host) => {
      const upper = join(hostDir(this.#at, host), 'upper')
      const log = readFileSync(join(upper, 'var/lib/ha-nfs/handlers.log'), 'utf8')
      if (log !== handled) {
        const words = (text: string) => text.trim().split('\n').join(', ')
        throw new Error(
          `${name}, ${run} run, host ${host}: expected the handlers ${words(handled)}, got ${words(log)}`,
        )
      }
      return endState(upper, this.#at.base)
    })
    this.#compare(`${name}, ${run} run`, states)
    const log = join(this.#at.logs, 'oracle.log')
    await measure(oracle(this.#at, hosts), log, this.#signal)
    const said = readFileSync(log, 'utf8').trim().split('\n')
    if (said.length !== hosts || said.some((line) => line !== 'changed=0')) {
      throw new Error(`${name}, ${run} run: the work is not done:\n${said.join('\n')}`)
    }
  }

  #compare(name: string, states: readonly EndState[]): void {
    if (!this.#states) {
      this.#of = name
      this.#states = states
      return
    }
    states.forEach((state, index) => {
      const found = differences(this.#states?.[index] ?? new Map(), state)
      if (found.length === 0) return
      throw new Error(
        `Host ${index + 1} is not the same after (${this.#of}) as after (${name}), in:\n${found.join('\n')}`,
      )
    })
  }
}

/** `shell.sh check` in every host; by its namespaces, as logging in would take longer than the check. */
function oracle(at: Places, hosts: number): Command {
  const words = numbers(hosts).flatMap((host) => [
    String(pidOf(at, host) ?? 'gone'),
    String(nodeOf(host)),
  ])
  const one = `exec nsenter --target "$1" --mount --uts --pid --root --wd sh -s check "$2" <"$script"`
  const all = `xargs -n 2 -P ${2 * availableParallelism()} sh -c "$one" sh`
  return {
    argv: ['sh', '-c', `one=$1; shift; printf '%s\\n' "$@" | ${all}`, 'sh', one, ...words],
    cwd: '/',
    env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', HOME: '/root', script },
  }
}
