import type { Drill } from './drill.ts'
import type { Before, Evidence } from './evidence.ts'
import { onClockOf } from './machine/machine-clock.ts'
import type { Operation, Round } from './record/round-record.ts'
import type { RoundContext, RoundRecord } from './round-context.ts'
import type { Sight } from './system.ts'
import { timelineOf } from './timeline.ts'
import type { Workload } from './workload.ts'

/** What a round has left to be told. */
export interface Told<P, S extends Sight> {
  readonly begun: Before
  readonly record: RoundRecord<S>
  readonly evidence: Evidence
  readonly operations: readonly Operation[]
  readonly workload: Workload
  readonly context: RoundContext<P, S>
  /** The node that serves in the end. */
  readonly serving: string | undefined
}

/** Everything that is told of a round on the client's clock. */
export function summary<P, S extends Sight>(
  { begun, record, evidence, operations, workload, context, serving }: Told<P, S>,
  { moves }: Drill<P, S>,
): Pick<Round, 'stalls' | 'phasesMs' | 'timeline'> {
  const { system } = context.environment
  const clock = begun.clocks.get(context.environment.client.name)
  const onClient = <T extends { readonly at: number }>(one: T): T =>
    clock ? { ...one, at: onClockOf(clock, one.at) } : one
  const times = operations.flatMap(({ beganMs, endedMs }) => [beganMs, endedMs ?? beganMs])
  const fault = onClient({ at: record.faultAt ?? Date.now() }).at
  const from = times.reduce((least, time) => Math.min(least, time), fault)
  const until = times.reduce((most, time) => Math.max(most, time), fault)
  const { active, standby } = context
  const { marks } = evidence
  const to = moves === 'either' ? (serving ?? standby) : moves ? standby : active
  return {
    stalls: operations.length > 0 ? workload.stalls(fault, until) : noStalls,
    phasesMs: system.phasesOf({ fault, from: active, to, marks, operations }),
    timeline: timelineOf(system, {
      from,
      to: until,
      looks: record.looks.map((look) => ({
        ...onClient(look),
        askedAt: onClient({ at: look.askedAt }).at,
      })),
      marks,
      notes: record.marks.map(onClient),
      operations,
    }),
  }
}

/** Nobody waited, or nobody was there to wait. */
export const noStalls = { newFile: 0, openFile: 0, read: 0, lock: 0 }
