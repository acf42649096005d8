import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { UsageError } from '../lib/core/errors.ts'
import { unknownName } from '../lib/inventory/index.ts'
import type { Contender, Ground } from './contenders.ts'
import { pidOf, reset } from './hosts.ts'
import { writeInventories } from './inventories.ts'
import { hostsCpu, machine, untilQuiet } from './load.ts'
import { measure } from './measure.ts'
import { numbers, type Places, ports } from './places.ts'
import { DelayProxy } from './proxy.ts'
import { jsonLines, median, percent, type Run, runs, type Samples } from './rows.ts'
import { Reference } from './verify.ts'

/** What is compared, and where. */
export interface Plan {
  readonly hosts: readonly number[]
  readonly rtts: readonly number[]
  readonly rounds: number
  /** How long to wait for a quiet machine before each run, in seconds. */
  readonly quiet: number
  readonly contenders: readonly Contender[]
  readonly json?: string
}

/** The round trip time of the pass that only counts, for rows without a delay. */
const countingMs = 20
const measures = [
  ...(['wallMs', 'cpuMs', 'peakRssBytes', 'togetherBytes', 'hostsCpuMs', 'others'] as const),
]

/** The contenders called `names`, or all that need not be asked for. */
export function chosen(all: readonly Contender[], names?: readonly string[]): readonly Contender[] {
  const wrong = names?.find((name) => !all.some((one) => one.name === name))
  if (wrong !== undefined) {
    const known = all.map(({ name }) => name)
    throw new UsageError(unknownName('contender', wrong, known))
  }
  return all.filter(({ name, byName }) => names?.includes(name) ?? !byName)
}

/** The order of a round: each begins with another contender, so none always follows the same one. */
export function rotated<T>(all: readonly T[], round: number): T[] {
  const at = all.length === 0 ? 0 : round % all.length
  return [...all.slice(at), ...all.slice(0, at)]
}

/** Runs all contenders on all grounds. */
export class Bench {
  readonly #at: Places
  readonly #plan: Plan
  readonly #say: (text: string) => void
  readonly #signal: AbortSignal
  readonly #all: Samples[] = []

  constructor(at: Places, plan: Plan, say: (text: string) => void, signal: AbortSignal) {
    this.#at = at
    this.#plan = plan
    this.#say = say
    this.#signal = signal
  }

  /** The rows of the grounds that are done. */
  get finished(): readonly Samples[] {
    return this.#all
  }

  async run(): Promise<void> {
    // Better told now than after an hour.
    if (this.#plan.json !== undefined) writeFileSync(this.#plan.json, '')
    mkdirSync(this.#at.logs, { recursive: true, mode: 0o700 })
    for (const hosts of this.#plan.hosts) {
      for (const rtt of this.#plan.rtts) await this.#ground(hosts, rtt)
    }
  }

  async #ground(hosts: number, rttMs: number): Promise<void> {
    const { rounds, contenders, json } = this.#plan
    const samples = runs.flatMap((run) =>
      contenders.map(
        ({ name: contender }): Samples => ({
          ...{ hosts, rttMs, run, contender },
          ...{ wallMs: [], cpuMs: [], peakRssBytes: [], hostsCpuMs: [], others: [] },
          ...{ roundTrips: [], togetherBytes: [] },
        }),
      ),
    )
    const reference = new Reference(this.#at, this.#signal)
    for (let round = 0; round < rounds; round++) {
      await this.#round(rotated(contenders, round), hosts, rttMs, reference, samples, true)
    }
    // Without a delay nothing stands between contender and host, so trips are counted by themselves.
    if (rttMs === 0) await this.#round(contenders, hosts, countingMs, reference, samples, false)
    this.#all.push(...samples)
    if (json !== undefined) writeFileSync(json, jsonLines(this.#all))
  }

  async #round(
    contenders: readonly Contender[],
    hosts: number,
    rttMs: number,
    reference: Reference,
    samples: readonly Samples[],
    timed: boolean,
  ): Promise<void> {
    const proxy = rttMs > 0 ? await DelayProxy.open(hosts, rttMs) : undefined
    const port = proxy ? ports.delayed : ports.direct
    const ground: Ground = { hosts, port, ...writeInventories(this.#at, hosts, port) }
    try {
      for (const contender of contenders) {
        await reset(this.#at, hosts)
        for (const run of runs) {
          const { name } = contender
          const took = await this.#one(contender, run, ground, timed)
          const trips = proxy && median(proxy.take())
          const mine = samples.find((one) => one.contender === name && one.run === run)
          if (timed) for (const key of measures) mine?.[key].push(took[key])
          if (trips !== undefined) mine?.roundTrips.push(trips)
          const parts = [
            `${hosts} hosts, ${rttMs} ms, ${name}, ${run}: ${(took.wallMs / 1000).toFixed(2)} s`,
            `CPU ${(took.cpuMs / 1000).toFixed(2)} s, others ${percent(took.others)}`,
            ...(trips === undefined ? [] : [`${trips} round trips`]),
          ]
          this.#say(`${parts.join(', ')}${timed ? '' : ' (counting only)'}`)
          if (!contender.idle) await reference.verify(name, run, hosts)
        }
      }
    } finally {
      await proxy?.close()
    }
  }

  async #one(contender: Contender, run: Run, ground: Ground, timed: boolean) {
    const log = join(this.#at.logs, `${contender.name}-${run}.log`)
    const { quiet } = this.#plan
    if (timed && quiet > 0) await untilQuiet(quiet * 1000, this.#signal)
    const pids = numbers(ground.hosts).flatMap((host) => pidOf(this.#at, host) ?? [])
    const hostsBefore = await hostsCpu(pids)
    const before = machine()
    const measured = await measure(contender.command(run, ground), log, this.#signal)
    const after = machine()
    const hostsCpuMs = (await hostsCpu(pids)) - hostsBefore
    const ourMs = measured.cpuMs + measured.samplerMs + hostsCpuMs
    const othersMs = after.busyMs - before.busyMs - ourMs
    const others = Math.max(0, othersMs) / (after.allMs - before.allMs)
    return { ...measured, hostsCpuMs, others }
  }
}
