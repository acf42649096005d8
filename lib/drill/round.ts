import { exitCodeOf, exitCodes, sentence } from '../errors.ts'
import { counterProblems } from './counters.ts'
import type { Drill } from './drill.ts'
import { before, collect } from './evidence.ts'
import type { Ground } from './ground.ts'
import type { Book, StartBook } from './kit.ts'
import { machineOf } from './machine.ts'
import { startSampler } from './sampler.ts'
import { Breach, type Stage, stageOf, waitFor } from './stage.ts'
import { type Active, begin } from './start.ts'
import type { Sight } from './system.ts'
import { noStalls, summary } from './told.ts'
import type { Counted, Operation, Round, Verdict } from './types.ts'

/** What a round is run with. */
export interface RoundOptions<P, S extends Sight> {
  readonly drill: Drill<P, S>
  readonly round: number
  /** Which node is to serve when it begins; the one that does unless given. */
  readonly active?: Active
  readonly startBook: StartBook
  readonly say: (text: string) => void
  readonly signal: AbortSignal
  /** Compares what both nodes have stored in the end, which takes its time. */
  readonly verify: boolean
  /** How long the writers run before the fault and after the pair is whole again. */
  readonly leadMs?: number
}

const none: Verdict = { acknowledged: 0, lost: [], indeterminate: 0, clientErrors: [] }

/** Runs one round; rejects only where it cannot begin, or was interrupted after all was undone. */
export async function runRound<P, S extends Sight>(
  ground: Ground<P, S>,
  options: RoundOptions<P, S>,
): Promise<Round> {
  const { drill, round, say, signal } = options
  const { plan, system } = ground
  await ground.lock()
  const { first, wrong } = await begin(ground, options)
  const active = system.serving(first)
  const standby = system.nodes.find((name) => name !== active)
  if (wrong.length > 0 || active === undefined || standby === undefined) {
    return roundOf(options, system.recipe, { problems: wrong.map((text) => `before: ${text}`) })
  }
  const run = `${drill.name}-${round}-${Date.now()}`
  const begun = await before(ground, `tandem-drill ${run}`)
  say(`${active} serves, ${standby} stands by; writers start on ${ground.client.name}`)
  const book = await options.startBook(ground.client, system, run, drill.expects ?? [])
  const mayBeUnsafe = drill.mayBeUnsafe ?? false
  const { stage, story } = stageOf({ ground, active, standby, book, say, signal, mayBeUnsafe })
  story.looks.push(first)
  const { operations, written } = await observed(book, stage, options)

  const last = await ground.look({ arp: true })
  story.looks.push(last)
  const now = system.serving(last)
  if (!drill.spoils) judgeEnd(last, stage, options)
  const evidence = await collect(ground, begun)
  for (const text of (await drill.proof?.(evidence, stage)) ?? []) stage.wrong(text)
  const reader = now ?? (drill.spoils ? system.holders(last)[0] : undefined)
  const readable = reader !== undefined && operations.length > 0
  const verdict = readable
    ? judged(await book.check(machineOf(ground, reader)), options, stage)
    : none
  if (!readable) stage.wrong(`nothing could be read back: ${system.text(last)}`)
  const compared =
    !!now && !drill.spoils && story.problems.length === 0 && (await prove(now, options, stage))
  const expected = drill.expects ?? []
  if (expected.length > 0 && !operations.some(({ error = '' }) => expected.includes(error))) {
    stage.wrong(`no client was told ${expected.join(' or ')}, which this drill is about`)
  }
  const told = summary({ begun, story, evidence, operations, book, stage, serving: now }, drill)
  const limitMs = drill.maxStallMs?.(plan)
  if (limitMs !== undefined && told.stalls.newFile > limitMs) {
    const ms = Math.round(told.stalls.newFile)
    const why = drill.moves ? '' : ', and nothing had to move'
    stage.wrong(`a new file waited ${ms} ms${why} (at most ${limitMs} ms)`)
  }
  if (story.problems.length === 0) await book.remove()
  return roundOf(options, system.recipe, {
    ...told,
    active,
    written,
    compared,
    problems: story.problems,
    verdict,
  })
}

/** Performs while the servers' counters are read; rejects where it was interrupted. */
async function observed<P, S extends Sight>(
  book: Book,
  stage: Stage<P, S>,
  options: RoundOptions<P, S>,
) {
  const { nodes, system } = stage.ground
  const sampler = startSampler(nodes, system.counter.script)
  let written: Counted | undefined
  try {
    const interrupted = await perform(stage, options)
    const operations = await ended(book, stage)
    if (interrupted) throw interrupted
    written = await sampler.stop()
    for (const text of counterProblems(written, system.counter.name)) {
      if (options.drill.isControl) stage.say(text)
      else stage.wrong(text)
    }
    return { operations, written }
  } finally {
    if (!written) await sampler.stop()
  }
}

/** What must be so in the end: a whole pair, and the service where the drill leaves it. */
function judgeEnd<P, S extends Sight>(
  last: S,
  stage: Stage<P, S>,
  { drill }: RoundOptions<P, S>,
): void {
  const { system } = stage.ground
  for (const text of system.notWhole(last)) stage.wrong(`after: ${text}`)
  const now = system.serving(last)
  const wanted = drill.moves ? stage.standby : stage.active
  const decides = drill.moves !== 'either' && !system.movesBack
  if (now && now !== wanted && decides) {
    stage.wrong(`${now} serves in the end, expected ${wanted}`)
  }
}

/** The drill itself, and the wait for the pair to be whole; gives what interrupted it. */
async function perform<P, S extends Sight>(
  stage: Stage<P, S>,
  options: RoundOptions<P, S>,
): Promise<unknown> {
  const { system } = stage.ground
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
    const limitMs = system.wholeLimitMs
    if (drill.spoils) await stage.comesTrue(limitMs, (state) => system.isCalm(state))
    else {
      const isWhole = (state: S) => system.notWhole(state).length === 0
      await stage.until('the pair is whole', limitMs, isWhole)
    }
    await waitFor(leadMs, signal)
  })
  return interrupted
}

/** Stops the writers and brings their ledger here, whatever the round came to. */
async function ended(
  book: Book,
  stage: { wrong(text: string): void },
): Promise<readonly Operation[]> {
  try {
    return await book.end()
  } catch (error) {
    stage.wrong(`the writers' ledger is not there: ${sentence(error)}`)
    return []
  }
}

function judged<P, S extends Sight>(
  verdict: Verdict,
  { drill }: RoundOptions<P, S>,
  stage: Stage<P, S>,
): Verdict {
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

/** Each finds what the other cannot. Gives whether what both nodes have stored was compared. */
async function prove<P, S extends Sight>(
  serving: string,
  { verify, drill }: RoundOptions<P, S>,
  stage: Stage<P, S>,
) {
  const { ground } = stage
  const { system } = ground
  if (verify) {
    stage.say('comparing what both nodes have stored')
    for (const text of await system.compare(ground, serving, stage.pause)) stage.wrong(text)
  }
  if ((verify || drill.crash) && !drill.isControl && ground.can.has('disk')) {
    stage.say('checking what the standby has stored')
    for (const text of await system.checkStandby(ground, serving)) stage.wrong(text)
  }
  return verify
}

function roundOf<P, S extends Sight>(
  { drill, round }: RoundOptions<P, S>,
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
