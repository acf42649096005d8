import { exitCodeOf, exitCodes, sentence } from '../core/errors.ts'
import { poll } from '../core/poll.ts'
import type { Control } from './drill.ts'
import type { Environment } from './environment.ts'
import type { Round } from './record/round-record.ts'
import { runRound } from './round.ts'
import type { DrillsOptions } from './run-drills.ts'
import { makeSafe } from './safe.ts'
import type { Sight } from './system.ts'

/** How controls are run: as drills are. */
export interface ControlsOptions<P, S extends Sight> extends Omit<DrillsOptions<P, S>, 'drills'> {
  readonly controls: readonly Control<P, S>[]
}

/** One control's end. */
export interface ControlResult {
  readonly name: string
  readonly caught: boolean
  /** What caught it, or why nothing did. */
  readonly text: string
}

/** What came of all of them. */
export interface Controlled {
  readonly rounds: readonly Round[]
  readonly results: readonly ControlResult[]
  readonly exitCode: number
}

/** Breaks the pair on purpose, once for each control and round; all must be caught. */
export async function runControls<P, S extends Sight>(
  environment: Environment<P, S>,
  options: ControlsOptions<P, S>,
): Promise<Controlled> {
  const rounds: Round[] = []
  const results: ControlResult[] = []
  for (const control of options.controls) {
    const { name } = control.drill
    let found: string | undefined
    let missed: string | undefined
    for (let round = 1; round <= options.rounds && missed === undefined; round++) {
      const say = (text: string) => options.say(`${name} ${round}/${options.rounds}  ${text}`)
      try {
        const made = await one(environment, control, round, { ...options, say })
        rounds.push(made)
        options.onRound?.(rounds)
        found = control.caught(made)
        if (found === undefined) missed = made.problems[0] ?? 'the checker found nothing wrong'
        say(found ?? `NOT CAUGHT: ${missed}`)
      } catch (error) {
        missed = sentence(error)
        say(missed)
        if (exitCodeOf(error) === exitCodes.interrupted) {
          results.push({ name, caught: false, text: missed })
          return { rounds, results, exitCode: exitCodes.interrupted }
        }
      }
    }
    const caught = missed === undefined && found !== undefined
    results.push({ name, caught, text: missed ?? found ?? 'it was not run' })
  }
  const good = results.every(({ caught }) => caught)
  return { rounds, results, exitCode: good ? exitCodes.converged : exitCodes.failed }
}

/** One round; whatever it came to, nothing of it is left. */
async function one<P, S extends Sight>(
  environment: Environment<P, S>,
  control: Control<P, S>,
  round: number,
  options: ControlsOptions<P, S>,
) {
  const { drill } = control
  const { leadMs, say, signal, startWorkload } = options
  const active = control.active?.(environment.plan) ?? options.active
  // Before it, too: that this can be done has to be known before anything is broken.
  if (drill.spoils) await putBack(environment, options)
  try {
    const made = await runRound(environment, {
      drill,
      round,
      startWorkload,
      say,
      signal,
      verify: !drill.spoils,
      ...(active !== undefined && { active }),
      ...(leadMs !== undefined && { leadMs }),
    })
    for (const text of made.problems) say(`the round itself: ${text}`)
    if (made.problems.length > 0 && !drill.spoils)
      await makeSafe(environment, say, options.patienceMs)
    return made
  } finally {
    if (drill.spoils) await environment.restore()
  }
}

/** Puts everything back to how the last site run left it, and waits until the pair is whole. */
async function putBack<P, S extends Sight>(
  environment: Environment<P, S>,
  { say, signal }: ControlsOptions<P, S>,
): Promise<void> {
  const { system } = environment
  say('the pair is reset to its state after the last site run, before and after this control')
  await environment.restore()
  let seen = ''
  const whole = async () => {
    const state = await environment.look()
    seen = system.text(state)
    return system.notWhole(state).length === 0 ? true : undefined
  }
  if (await poll(whole, { everyMs: 1_500, limitMs: system.wholeLimitMs, signal })) return
  throw new Error(`the pair is not whole: ${seen}`)
}

/** The result as text: a line a control, and what follows from them. */
export function controlText(results: readonly ControlResult[]): string {
  const heads = ['control', 'result', 'by']
  const cells = results.map(({ name, caught, text }) => [
    name,
    caught ? 'caught' : 'NOT CAUGHT',
    text,
  ])
  const width = (column: number) =>
    Math.max(...[heads, ...cells].map((line) => line[column]?.length ?? 0))
  const line = (values: readonly string[]) =>
    values
      .map((value, column) => value.padEnd(width(column)))
      .join('  ')
      .trimEnd()
  const missed = results.filter(({ caught }) => !caught).map(({ name }) => name)
  const verdict =
    missed.length === 0
      ? 'Every control was caught: the checker sees what is lost'
      : `Not caught: ${missed.join(', ')}. The checker did not see these faults, so the drills prove nothing`
  return `${[line(heads), ...cells.map(line), verdict].join('\n')}\n`
}
