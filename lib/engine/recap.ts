import { hundredths } from '../core/clock.ts'
import { exitCodes } from '../core/errors.ts'
import type { Event, HostRecap } from './events.ts'

/** Sums up events per host. */
export class Recap {
  readonly #hosts = new Map<string, HostRecap>()
  #began: number | undefined

  constructor(hosts: readonly string[]) {
    for (const host of hosts) {
      const tasks = { ok: 0, changed: 0, wouldChange: 0, unknown: 0, skipped: 0 }
      this.#hosts.set(host, { host, ...tasks, failed: 0, refused: 0, unreachable: false, ms: 0 })
    }
  }

  add(event: Event): void {
    this.#began ??= event.at
    const recap = 'host' in event ? this.#hosts.get(event.host ?? '') : undefined
    if (!recap) return
    if (event.type === 'task-end') {
      recap[event.status === 'would-change' ? 'wouldChange' : event.status]++
      // Wall time up to the host's last task: checks overlap, so their times must not be added up.
      recap.ms = hundredths(event.at - this.#began)
    } else if (event.type === 'host-unreachable') {
      recap.unreachable = true
    }
  }

  get hosts(): HostRecap[] {
    return [...this.#hosts.values()]
  }

  /** The worst of what happened: unreachable, then refused, then failed. */
  get exitCode(): number {
    const hosts = this.hosts
    if (hosts.some(({ unreachable }) => unreachable)) return exitCodes.unreachable
    if (hosts.some(({ failed }) => failed > 0)) return exitCodes.failed
    if (hosts.some(({ refused }) => refused > 0)) return exitCodes.refused
    return exitCodes.converged
  }
}
