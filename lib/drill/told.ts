import { onClockOf } from './clock.ts'
import type { Drill } from './drill.ts'
import type { Before, Evidence } from './evidence.ts'
import type { Book } from './kit.ts'
import type { Stage, Story } from './stage.ts'
import type { Sight } from './system.ts'
import { timelineOf } from './timeline.ts'
import type { Operation, Round } from './types.ts'

/** What a round has left to be told. */
export interface Told<P, S extends Sight> {
  readonly begun: Before
  readonly story: Story<S>
  readonly evidence: Evidence
  readonly operations: readonly Operation[]
  readonly book: Book
  readonly stage: Stage<P, S>
  /** The node that serves in the end. */
  readonly serving: string | undefined
}

/** Everything that is told of a round on the client's clock. */
export function summary<P, S extends Sight>(
  { begun, story, evidence, operations, book, stage, serving }: Told<P, S>,
  { moves }: Drill<P, S>,
): Pick<Round, 'stalls' | 'phasesMs' | 'timeline'> {
  const { system } = stage.ground
  const clock = begun.clocks.get(stage.ground.client.name)
  const onClient = <T extends { readonly at: number }>(one: T): T =>
    clock ? { ...one, at: onClockOf(clock, one.at) } : one
  const times = operations.flatMap(({ beganMs, endedMs }) => [beganMs, endedMs ?? beganMs])
  const fault = onClient({ at: story.faultAt ?? Date.now() }).at
  const from = times.reduce((least, time) => Math.min(least, time), fault)
  const until = times.reduce((most, time) => Math.max(most, time), fault)
  const { active, standby } = stage
  const { marks } = evidence
  const to = moves === 'either' ? (serving ?? standby) : moves ? standby : active
  return {
    stalls: operations.length > 0 ? book.stalls(fault, until) : noStalls,
    phasesMs: system.phasesOf({ fault, from: active, to, marks, operations }),
    timeline: timelineOf(system, {
      from,
      to: until,
      looks: story.looks.map((look) => ({
        ...onClient(look),
        askedAt: onClient({ at: look.askedAt }).at,
      })),
      marks,
      notes: story.marks.map(onClient),
      operations,
    }),
  }
}

/** Nobody waited, or nobody was there to wait. */
export const noStalls = { newFile: 0, openFile: 0, read: 0, lock: 0 }
