import { join } from 'node:path'
import { exitCodes, Refusal, UsageError } from '../../core/errors.ts'
import { controlText, runControls } from '../../drill/controls.ts'
import { abilities } from '../../drill/environment.ts'
import { rowsOf } from '../../drill/record/drill-rows.ts'
import type { Round } from '../../drill/record/round-record.ts'
import type { ReportMeta } from '../../drill/report/html.ts'
import { possible, runDrills } from '../../drill/run-drills.ts'
import type { DrillSet } from '../../drill/set.ts'
import type { System } from '../../drill/system.ts'
import { tableText } from '../../drill/text-table.ts'
import { startWorkload } from '../../drill/workload.ts'
import { type LabFacts, load, unstartedLab } from '../../inventory/index.ts'
import { harmless } from '../../report/colour.ts'
import { helpText } from '../common/args.ts'
import { type Context, columnsOf } from '../common/context.ts'
import { inventoryName } from '../common/defaults.ts'
import { interruption } from '../common/signals.ts'
import { labModule } from '../lab/lab-module.ts'
import { bringUp } from '../lab/lab-run.ts'
import { commitOf } from './commit.ts'
import { chosenActive, chosenDrills, consentOf, type DrillArgs, readDrill } from './drill-args.ts'
import { ask, drillLines } from './drill-ask.ts'
import { realEnvironment } from './drill-environment.ts'
import { canWrite, earlier, keep, numbered } from './drill-files.ts'
import { drillOptions } from './drill-options.ts'
import { loadDrills } from './drill-set.ts'

/** `npm run play drill`: breaks the pair in earnest, watched by a client; resolves with the exit code. */
export async function drill(argv: readonly string[], context: Context): Promise<number> {
  const args = readDrill(argv)
  const set = await loadDrills(context.root)
  const { drills, controls } = set
  const broken = controls.map((control) => control.drill)
  const list = [
    'Drills:',
    ...drillLines(drills),
    'Controls (--control), each of which the checker must catch:',
    ...drillLines(broken),
  ].join('\n')
  if (args.help) {
    const usage = 'npm run play drill -- [OPTIONS]'
    const text = await helpText(usage, drillOptions, columnsOf(context), list)
    context.stdout.write(`${text}\n`)
    return exitCodes.converged
  }
  if (args.list) {
    context.stdout.write(`${list}\n`)
    return exitCodes.converged
  }
  const chosen = args.control
    ? chosenDrills(broken, args.only, 'control')
    : chosenDrills(drills, args.only)
  const name = inventoryName(args.inventory, context.env)
  const loaded = await load(name, join(context.root, 'inventory'))
  const inLab = loaded.kind === 'embedded-lab'
  const known = inLab ? loaded.build(unstartedLab) : loaded.inventory
  const system = set.system(set.plan(known, 1))
  const active = chosenActive(args.active, system.nodes)
  const can = new Set(inLab ? abilities : [])
  const { run, skipped } = possible(chosen, { can })
  if (args.control && skipped.length > 0)
    throw new Refusal('--control breaks the pair on purpose, so it runs in the lab only')
  if (run.length === 0) throw new UsageError(skipped.join('; '))

  // Hours of drills must not end at a folder that is not there.
  await canWrite(args)
  const commit = await commitOf(context.root)
  const before = await earlier(args, commit)
  const machines = [...system.nodes, system.client].join(', ')
  const what = `${run.length === 1 ? 'This drill disturbs' : `These ${run.length} drills disturb`} ${machines} of inventory ${known.name}`
  const terminal = context.stdout.isTTY === true && process.stdin.isTTY === true
  const consent = consentOf(args, known, terminal, what)
  if (consent !== 'given') {
    const text = [`${what}, ${args.rounds} round(s) each:`, ...drillLines(run), ''].join('\n')
    await ask(context, consent, { inventory: known.name, text })
  }
  const facts = inLab ? await bringUp(args.install, context) : undefined
  const inventory = facts && inLab ? loaded.build(facts) : known
  const lab = inLab ? await labModule(context) : undefined
  const environment = realEnvironment(inventory, set, slowness(facts), context, lab)
  const more = { active, commit, before, facts }
  return performed(environment, { ...args, ...more }, { chosen, controls }, context)
}

/** Emulated processors start programs some fifty times slower, and all limits follow. */
function slowness(facts: LabFacts | undefined): number {
  return facts?.acceleration === 'tcg' ? 3 : 1
}

async function performed(
  environment: ReturnType<typeof realEnvironment>,
  args: DrillArgs & {
    readonly commit: string | undefined
    readonly before: readonly Round[]
    readonly facts: LabFacts | undefined
  },
  { chosen, controls }: Pick<DrillSet, 'controls'> & { readonly chosen: DrillSet['drills'] },
  context: Context,
): Promise<number> {
  const { before, commit, facts } = args
  const began = Date.now()
  const say = (text: string) => {
    const passed = ((Date.now() - began) / 1000).toFixed(1).padStart(7)
    context.stdout.write(`${passed} s  ${harmless(text)}\n`)
  }
  const stop = interruption((signal) => {
    say(
      `${signal}: Tandem undoes the fault first, then it stops; press Ctrl-C again to stop at once and leave the fault`,
    )
  })
  const meta = metaOf(began, environment.system, facts)
  let kept: Promise<unknown> = Promise.resolve()
  try {
    const options = {
      rounds: args.rounds,
      compare: !args.skipCompare,
      active: args.active,
      startWorkload,
      say,
      signal: stop.signal,
      onRound: (soFar: readonly Round[]) => {
        // Whatever comes next, these are known.
        const made = soFar.map((round) => (commit === undefined ? round : { ...round, commit }))
        kept = kept.then(() => keep(numbered([...before, ...made]), args, meta))
      },
    }
    if (args.control) {
      const named = controls.filter(({ drill }) => chosen.includes(drill))
      const { results, exitCode } = await runControls(environment, { ...options, controls: named })
      await kept
      context.stdout.write(harmless(`\n${controlText(results)}`))
      return exitCode
    }
    const { rounds, exitCode, breach } = await runDrills(environment, {
      ...options,
      drills: chosen,
    })
    await kept
    if (rounds.length > 0)
      context.stdout.write(harmless(`\n${tableText(rowsOf(rounds, meta.phases))}`))
    if (breach) {
      const where = `${breach.drill}, round ${breach.round}`
      context.stdout.write(
        `Stopped at ${where}: ${harmless(breach.problems.join('; '))}\nLook at: ${environment.system.whereToLook}\n`,
      )
    }
    return stop.signal.aborted ? exitCodes.interrupted : exitCode
  } finally {
    stop.dispose()
    await environment.close()
  }
}

/** What the report says of itself. */
function metaOf(at: number, { nodes, phases, facts: own }: System, facts?: LabFacts): ReportMeta {
  return {
    title: `Drills of ${nodes.join(' and ')}`,
    at,
    phases,
    facts: { ...(facts && { acceleration: facts.acceleration }), ...own },
  }
}
