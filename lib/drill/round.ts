import { exitCodeOf, exitCodes, sentence } from '../errors.ts'
import { onClockOf } from './clock.ts'
import type { Drill } from './drill.ts'
import { type Before, before, collect, type Evidence } from './evidence.ts'
import { type Ground, machineOf } from './ground.ts'
import type { Book, StartBook } from './kit.ts'
import { notWhole, servingOf, stateText } from './pair.ts'
import { phasesOf } from './phases.ts'
import { fsckProblems, verifyProblems } from './proofs.ts'
import { Breach, type Stage, type Story, stageOf, waitFor } from './stage.ts'
import { timelineOf } from './timeline.ts'
import type { Operation, Round, Verdict } from './types.ts'

/** What a round is run with. */
export interface RoundOptions {
  readonly drill: Drill
  readonly round: number
  readonly startBook: StartBook
  readonly say: (text: string) => void
  readonly signal: AbortSignal
  /** Compares both disks block by block in the end, which takes its time. */
  readonly verify: boolean
  /** How long the writers run before the fault and after the pair is whole again. */
  readonly leadMs?: number
}

const none: Verdict = { acknowledged: 0, lost: [], indeterminate: 0, clientErrors: [] }

/** How long the pair may take to be whole again. */
export function wholeLimitMs({ plan }: Ground): number {
  return (2 * plan.heartbeat.initdead + 120 * plan.slow) * 1_000
}

/** Runs one round; rejects only where it cannot begin, or was interrupted after all was undone. */
export async function runRound(ground: Ground, options: RoundOptions): Promise<Round> {
  const { drill, round, say, signal } = options
  const { plan } = ground
  await ground.lock()
  if (drill.fromPreferred) await toPreferred(ground, say)
  const first = await ground.look({ arp: true })
  const active = servingOf(first)?.name
  const standby = first.nodes.find(({ name }) => name !== active)?.name
  const wrong = notWhole(first)
  if (wrong.length > 0 || active === undefined || standby === undefined) {
    return roundOf(options, plan.recipe, { problems: wrong.map((text) => `before: ${text}`) })
  }
  const run = `${drill.name}-${round}-${Date.now()}`
  const begun = await before(ground, `tandem-drill ${run}`)
  say(`${active} serves, ${standby} stands by; writers start on ${ground.client.name}`)
  const book = await options.startBook(ground.client, plan, run, drill.expects ?? [])
  const mayBeUnsafe = drill.mayBeUnsafe ?? false
  const { stage, story } = stageOf({ ground, active, standby, book, say, signal, mayBeUnsafe })
  story.looks.push(first)
  const interrupted = await perform(stage, options)
  const operations = await ended(book, stage)
  if (interrupted) throw interrupted

  const last = await ground.look({ arp: true })
  story.looks.push(last)
  for (const text of notWhole(last)) stage.wrong(`after: ${text}`)
  const now = servingOf(last)?.name
  const wanted = drill.moves ? standby : active
  // The article's recipe moves the service back by itself.
  if (now && now !== wanted && drill.moves !== 'either' && plan.recipe === 'tandem') {
    stage.wrong(`${now} serves in the end, expected ${wanted}`)
  }
  const evidence = await collect(ground, begun)
  for (const text of (await drill.proof?.(evidence, stage)) ?? []) stage.wrong(text)
  const readable = now !== undefined && operations.length > 0
  const verdict = readable ? judged(await book.check(machineOf(ground, now)), options, stage) : none
  if (!readable) stage.wrong(`nothing could be read back: ${stateText(last)}`)
  if (now && story.problems.length === 0) await prove(now, options, stage)
  const expected = drill.expects ?? []
  if (expected.length > 0 && !operations.some(({ error = '' }) => expected.includes(error))) {
    stage.wrong(`no client was told ${expected.join(' or ')}, which this drill is about`)
  }
  const told = summary({ begun, story, evidence, operations, book, stage }, options)
  const limitMs = drill.maxStallMs?.(plan)
  if (limitMs !== undefined && told.stalls.newFile > limitMs) {
    const ms = Math.round(told.stalls.newFile)
    stage.wrong(`a new file waited ${ms} ms, and nothing had to move (at most ${limitMs} ms)`)
  }
  if (story.problems.length === 0) await book.remove()
  return roundOf(options, plan.recipe, { ...told, problems: story.problems, verdict })
}

/** Moves the service to the preferred node where the other has it. */
async function toPreferred(ground: Ground, say: (text: string) => void): Promise<void> {
  const { preferred } = ground.plan
  if (servingOf(await ground.look())?.name === preferred) return
  say(`the service is moved to ${preferred} first`)
  await ground.play(['switchover'])
}

/** The drill itself, and the wait for the pair to be whole; gives what interrupted it. */
async function perform(stage: Stage, options: RoundOptions): Promise<unknown> {
  const { drill, signal, leadMs = 5_000 } = options
  let interrupted: unknown
  const guarded = async (work: () => Promise<unknown>) => {
    try {
      await work()
    } catch (error) {
      if (exitCodeOf(error) === exitCodes.interrupted) interrupted = error
      else if (!(error instanceof Breach)) stage.wrong(sentence(error))
    }
  }
  await guarded(async () => {
    await waitFor(leadMs, signal)
    await drill.run(stage)
  })
  await stage.heal()
  if (interrupted) return interrupted
  await guarded(async () => {
    const limitMs = wholeLimitMs(stage.ground)
    await stage.until('the pair is whole', limitMs, (state) => notWhole(state).length === 0)
    await waitFor(leadMs, signal)
  })
  return interrupted
}

/** Stops the writers and brings their ledger here, whatever the round came to. */
async function ended(book: Book, stage: Stage): Promise<readonly Operation[]> {
  try {
    return await book.end()
  } catch (error) {
    stage.wrong(`the writers' ledger is not there: ${sentence(error)}`)
    return []
  }
}

function judged(verdict: Verdict, { drill }: RoundOptions, stage: Stage): Verdict {
  const { acknowledged, lost, clientErrors } = verdict
  stage.say(`${acknowledged} acknowledged writes read back, ${lost.length} lost`)
  if (acknowledged === 0) stage.wrong('nothing was acknowledged, so nothing is proved')
  if (drill.isControl) return verdict
  if (lost[0] !== undefined) {
    stage.wrong(`${lost.length} acknowledged writes are lost, the first: ${lost[0]}`)
  }
  if (clientErrors[0] !== undefined) {
    stage.wrong(`${clientErrors.length} client errors, the first: ${clientErrors[0]}`)
  }
  return verdict
}

/** Each finds what the other cannot: blocks that differ, and a filesystem that does not hold. */
async function prove(serving: string, { verify, drill }: RoundOptions, stage: Stage) {
  const { ground } = stage
  if (verify) {
    stage.say('comparing both disks block by block')
    for (const text of await verifyProblems(ground, serving, stage.pause)) stage.wrong(text)
  }
  if ((verify || drill.crash) && !drill.isControl && ground.can.has('disk')) {
    stage.say('checking the filesystem on the disk of the standby')
    for (const text of await fsckProblems(ground, serving)) stage.wrong(text)
  }
}

interface Told {
  readonly begun: Before
  readonly story: Story
  readonly evidence: Evidence
  readonly operations: readonly Operation[]
  readonly book: Book
  readonly stage: Stage
}

/** Everything that is told of a round on the client's clock. */
function summary(
  { begun, story, evidence, operations, book, stage }: Told,
  { drill }: RoundOptions,
) {
  const clock = begun.clocks.get(stage.ground.client.name)
  const onClient = <T extends { readonly at: number }>(one: T): T =>
    clock ? { ...one, at: onClockOf(clock, one.at) } : one
  const times = operations.flatMap(({ beganMs, endedMs }) => [beganMs, endedMs ?? beganMs])
  const fault = onClient({ at: story.faultAt ?? Date.now() }).at
  const from = times.reduce((least, time) => Math.min(least, time), fault)
  const to = times.reduce((most, time) => Math.max(most, time), fault)
  const { active, standby } = stage
  const { marks } = evidence
  return {
    stalls: operations.length > 0 ? book.stalls(fault, to) : noStalls,
    phasesMs: drill.moves ? phasesOf({ fault, from: active, to: standby, marks, operations }) : {},
    timeline: timelineOf({
      from,
      to,
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

const noStalls = { newFile: 0, openFile: 0, read: 0, lock: 0 }

function roundOf(
  { drill, round }: RoundOptions,
  recipe: string,
  rest: Partial<Omit<Round, 'drill' | 'round' | 'recipe'>>,
): Round {
  const now = Date.now()
  return {
    drill: drill.name,
    round,
    recipe,
    problems: [],
    verdict: none,
    stalls: noStalls,
    phasesMs: {},
    timeline: { from: now, to: now, lanes: [], marks: [], acknowledged: {} },
    ...rest,
  }
}
