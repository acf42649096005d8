import { exitCodeOf, exitCodes, sentence } from '../core/errors.ts'
import { type Active, begin } from './begin-round.ts'
import { counterProblems } from './counters.ts'
import type { Drill } from './drill.ts'
import type { Environment } from './environment.ts'
import { before, collect } from './evidence.ts'
import { machineOf } from './machine/machine.ts'
import type { Counted, Operation, Round, Verdict } from './record/round-record.ts'
import { Breach, type RoundContext, roundContext, waitFor } from './round-context.ts'
import { startSampler } from './sampler.ts'
import type { Sight } from './system.ts'
import { noStalls, summary } from './told.ts'
import type { StartWorkload, Workload } from './workload.ts'

/** What a round is run with. */
export interface RoundOptions<P, S extends Sight> {
  readonly drill: Drill<P, S>
  readonly round: number
  /** Which node is to serve when it begins; the one that does unless given. */
  readonly active?: Active
  readonly startWorkload: StartWorkload
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
  environment: Environment<P, S>,
  options: RoundOptions<P, S>,
): Promise<Round> {
  const { drill, round, say, signal } = options
  const { plan, system } = environment
  await environment.lock()
  const { first, wrong } = await begin(environment, options)
  const active = system.serving(first)
  const standby = system.nodes.find((name) => name !== active)
  if (wrong.length > 0 || active === undefined || standby === undefined) {
    return roundOf(options, system.recipe, { problems: wrong.map((text) => `before: ${text}`) })
  }
  const run = `${drill.name}-${round}-${Date.now()}`
  const begun = await before(environment, `tandem-drill ${run}`)
  say(`${active} serves, ${standby} stands by; writers start on ${environment.client.name}`)
  const workload = await options.startWorkload(environment.client, system, run, drill.expects ?? [])
  const mayBeUnsafe = drill.mayBeUnsafe ?? false
  const { context, record } = roundContext({
    environment,
    active,
    standby,
    workload,
    say,
    signal,
    mayBeUnsafe,
  })
  record.looks.push(first)
  const { operations, written } = await observed(workload, context, options)

  const last = await environment.look({ arp: true })
  record.looks.push(last)
  const now = system.serving(last)
  if (!drill.spoils) judgeEnd(last, context, options)
  const evidence = await collect(environment, begun)
  for (const text of (await drill.proof?.(evidence, context)) ?? []) context.wrong(text)
  const reader = now ?? (drill.spoils ? system.holders(last)[0] : undefined)
  const readable = reader !== undefined && operations.length > 0
  const verdict = readable
    ? judged(await workload.check(machineOf(environment, reader)), options, context)
    : none
  if (!readable) context.wrong(`nothing could be read back: ${system.text(last)}`)
  const compared =
    !!now && !drill.spoils && record.problems.length === 0 && (await prove(now, options, context))
  const expected = drill.expects ?? []
  if (expected.length > 0 && !operations.some(({ error = '' }) => expected.includes(error))) {
    context.wrong(`no client was told ${expected.join(' or ')}, which this drill is about`)
  }
  const told = summary(
    { begun, record, evidence, operations, workload, context, serving: now },
    drill,
  )
  const limitMs = drill.maxStallMs?.(plan)
  if (limitMs !== undefined && told.stalls.newFile > limitMs) {
    const ms = Math.round(told.stalls.newFile)
    const why = drill.moves ? '' : ', and nothing had to move'
    context.wrong(`a new file waited ${ms} ms${why} (at most ${limitMs} ms)`)
  }
  if (record.problems.length === 0) await workload.remove()
  return roundOf(options, system.recipe, {
    ...told,
    active,
    written,
    compared,
    problems: record.problems,
    verdict,
  })
}

/** Performs while the servers' counters are read; rejects where it was interrupted. */
async function observed<P, S extends Sight>(
  workload: Workload,
  context: RoundContext<P, S>,
  options: RoundOptions<P, S>,
) {
  const { nodes, system } = context.environment
  const sampler = startSampler(nodes, system.counter.script)
  let written: Counted | undefined
  try {
    const interrupted = await perform(context, options)
    const operations = await ended(workload, context)
    if (interrupted) throw interrupted
    written = await sampler.stop()
    for (const text of counterProblems(written, system.counter.name)) {
      if (options.drill.isControl) context.say(text)
      else context.wrong(text)
    }
    return { operations, written }
  } finally {
    if (!written) await sampler.stop()
  }
}

/** What must be so in the end: a whole pair, and the service where the drill leaves it. */
function judgeEnd<P, S extends Sight>(
  last: S,
  context: RoundContext<P, S>,
  { drill }: RoundOptions<P, S>,
): void {
  const { system } = context.environment
  for (const text of system.notWhole(last)) context.wrong(`after: ${text}`)
  const now = system.serving(last)
  const wanted = drill.moves ? context.standby : context.active
  const decides = drill.moves !== 'either' && !system.movesBack
  if (now && now !== wanted && decides) {
    context.wrong(`${now} serves in the end, expected ${wanted}`)
  }
}

/** The drill itself, and the wait for the pair to be whole; gives what interrupted it. */
async function perform<P, S extends Sight>(
  context: RoundContext<P, S>,
  options: RoundOptions<P, S>,
): Promise<unknown> {
  const { system } = context.environment
  const { drill, signal, leadMs = 5_000 } = options
  let interrupted: unknown
  const guarded = async (work: () => Promise<unknown>) => {
    try {
      await work()
    } catch (error) {
      if (exitCodeOf(error) === exitCodes.interrupted) interrupted = error
      else if (!(error instanceof Breach)) context.wrong(sentence(error))
    }
  }
  await guarded(async () => {
    await waitFor(leadMs, signal)
    await drill.run(context)
  })
  await context.heal()
  if (interrupted) return interrupted
  await guarded(async () => {
    const limitMs = system.wholeLimitMs
    if (drill.spoils) await context.comesTrue(limitMs, (state) => system.isCalm(state))
    else {
      const isWhole = (state: S) => system.notWhole(state).length === 0
      await context.until('the pair is whole', limitMs, isWhole)
    }
    await waitFor(leadMs, signal)
  })
  return interrupted
}

/** Stops the writers and brings their ledger here, whatever the round came to. */
async function ended(
  workload: Workload,
  context: { wrong(text: string): void },
): Promise<readonly Operation[]> {
  try {
    return await workload.end()
  } catch (error) {
    context.wrong(`the writers' ledger is not there: ${sentence(error)}`)
    return []
  }
}

function judged<P, S extends Sight>(
  verdict: Verdict,
  { drill }: RoundOptions<P, S>,
  context: RoundContext<P, S>,
): Verdict {
  const { acknowledged, lost, clientErrors } = verdict
  context.say(`${acknowledged} acknowledged writes read back, ${lost.length} lost`)
  if (acknowledged === 0) context.wrong('nothing was acknowledged, so nothing is proved')
  if (drill.isControl) return verdict
  if (lost[0] !== undefined) {
    context.wrong(`${lost.length} acknowledged writes are lost, the first: ${lost[0]}`)
  }
  if (clientErrors[0] !== undefined) {
    context.wrong(`${clientErrors.length} client errors, the first: ${clientErrors[0]}`)
  }
  return verdict
}

/** Each finds what the other cannot. Gives whether what both nodes have stored was compared. */
async function prove<P, S extends Sight>(
  serving: string,
  { verify, drill }: RoundOptions<P, S>,
  context: RoundContext<P, S>,
) {
  const { environment } = context
  const { system } = environment
  if (verify) {
    context.say('comparing what both nodes have stored')
    for (const text of await system.compare(environment, serving, context.pause))
      context.wrong(text)
  }
  if ((verify || drill.crash) && !drill.isControl && environment.can.has('disk')) {
    context.say('checking what the standby has stored')
    for (const text of await system.checkStandby(environment, serving)) context.wrong(text)
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
