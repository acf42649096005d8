import { exitCodeOf, exitCodes, sentence } from '../core/errors.ts'
import type { Active } from './begin-round.ts'
import type { Drill } from './drill.ts'
import { type Environment, without } from './environment.ts'
import { failed } from './record/drill-rows.ts'
import type { Round } from './record/round-record.ts'
import { runRound } from './round.ts'
import { makeSafe } from './safe.ts'
import type { Sight } from './system.ts'
import type { StartWorkload } from './workload.ts'

/** How drills are run. */
export interface DrillsOptions<P, S extends Sight> {
  readonly drills: readonly Drill<P, S>[]
  readonly rounds: number
  /** Whether what both nodes have stored is compared, once a drill; so unless told otherwise. */
  readonly compare?: boolean
  /** Which node is to serve when each round begins; the one that does unless given. */
  readonly active?: Active
  readonly startWorkload: StartWorkload
  /** A line of progress, without its time. */
  readonly say: (text: string) => void
  readonly signal: AbortSignal
  /** Called after each round, so that what is known is kept whatever comes. */
  readonly onRound?: (rounds: readonly Round[]) => void
  readonly leadMs?: number
  /** How long a move under way may take to end before a node is stopped for it. */
  readonly patienceMs?: number
}

/** What came of it. */
export interface Drilled {
  readonly rounds: readonly Round[]
  readonly exitCode: number
  /** Where the first breach was; undefined where all passed. */
  readonly breach?: {
    readonly drill: string
    readonly round: number
    readonly problems: readonly string[]
  }
}

/** Drills that this environment can do, and why it cannot do the others. */
export function possible<D extends Pick<Drill, 'name' | 'needs'>>(
  drills: readonly D[],
  { can }: Pick<Environment, 'can'>,
): { readonly run: readonly D[]; readonly skipped: readonly string[] } {
  const lacking = (drill: D) => drill.needs.find((ability) => !can.has(ability))
  return {
    run: drills.filter((drill) => lacking(drill) === undefined),
    skipped: drills.flatMap((drill) => {
      const ability = lacking(drill)
      return ability ? [`${drill.name} is skipped: ${without[ability]}`] : []
    }),
  }
}

/** Runs all rounds of all drills; at the first breach it stops and leaves the pair safe. */
export async function runDrills<P, S extends Sight>(
  environment: Environment<P, S>,
  options: DrillsOptions<P, S>,
): Promise<Drilled> {
  const { rounds: count, say, signal } = options
  const { run, skipped } = possible(options.drills, environment)
  for (const text of skipped) say(text)
  const rounds: Round[] = []
  for (const drill of run) {
    for (let round = 1; round <= count; round++) {
      const tell = (text: string) => say(`${drill.name} ${round}/${count}  ${text}`)
      try {
        const { active, startWorkload, leadMs } = options
        const made = await runRound(environment, {
          drill,
          round,
          startWorkload,
          say: tell,
          signal,
          // Once a drill: it reads all that is stored.
          verify: round === count && options.compare !== false,
          ...(active !== undefined && { active }),
          ...(leadMs !== undefined && { leadMs }),
        })
        rounds.push(made)
        options.onRound?.(rounds)
        if (!failed(made)) {
          tell(passedText(made, drill.budgetMs?.(environment.plan)))
          continue
        }
        for (const text of made.problems) tell(`NOT PASSED: ${text}`)
        await left(environment, options)
        const problems = made.problems
        return {
          rounds,
          exitCode: exitCodes.failed,
          breach: { drill: drill.name, round, problems },
        }
      } catch (error) {
        tell(sentence(error))
        await left(environment, options)
        const problems = [sentence(error)]
        const exitCode = exitCodeOf(error)
        return { rounds, exitCode, breach: { drill: drill.name, round, problems } }
      }
    }
  }
  return { rounds, exitCode: exitCodes.converged }
}

/** The budget is told, not asserted: what is right on real machines is not on emulated ones. */
function passedText({ stalls }: Round, budgetMs: number | undefined): string {
  const seconds = (ms: number) => `${(ms / 1000).toFixed(1)} s`
  const budget = budgetMs === undefined ? '' : ` (budget ${seconds(budgetMs)})`
  return `passed; a new file waited ${seconds(stalls.newFile)} at most${budget}`
}

async function left<P, S extends Sight>(
  environment: Environment<P, S>,
  { say, patienceMs }: DrillsOptions<P, S>,
): Promise<void> {
  try {
    await makeSafe(environment, say, patienceMs)
  } catch (error) {
    say(`the pair could not be looked at: ${sentence(error)}`)
  }
}
