import type { DrillRow, Percentiles, Phases, Round, Stalls } from './round-record.ts'

/** The kinds of waiting, in the order a report shows them. */
export const stallKinds = [
  'newFile',
  'openFile',
  'read',
  'lock',
] as const satisfies readonly (keyof Stalls)[]

/** A round that breaks anything at all: an invariant, a pass mark, a promise to a client. */
export const failed = ({ problems, verdict }: Round): boolean =>
  problems.length > 0 || verdict.lost.length > 0 || verdict.clientErrors.length > 0

/**
 * By nearest rank: of n values in ascending order, number ceil(share * n). It is always one of the
 * values, never a wait that nobody had; below 20 values p95 is the largest. Throws where there is none.
 */
export function percentile(values: readonly number[], share: number): number {
  const value = values.toSorted((a, b) => a - b)[Math.ceil(share * values.length) - 1]
  if (value === undefined) throw new Error('Percentiles: expected at least one value, got none')
  return value
}

/** What is told of several waits. */
export const percentiles = (values: readonly number[]): Percentiles => ({
  p50: percentile(values, 0.5),
  p95: percentile(values, 0.95),
  max: percentile(values, 1),
})

/** The middle value, or halfway between the two middle ones. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const upper = sorted[Math.floor(sorted.length / 2)] ?? Number.NaN
  const lower = sorted[Math.ceil(sorted.length / 2) - 1] ?? Number.NaN
  return (lower + upper) / 2
}

/** Groups in the order in which their keys appear first. */
export function groupBy<T>(items: readonly T[], key: (item: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>()
  for (const item of items) {
    const group = groups.get(key(item))
    if (group) group.push(item)
    else groups.set(key(item), [item])
  }
  return groups
}

/** A phase that a round did not have says nothing about how long it takes: it is left out, not 0. */
function medianPhases(rounds: readonly Round[], phases: readonly string[]): Phases {
  const medians: Record<string, number> = {}
  for (const phase of phases) {
    const values = rounds.flatMap(({ phasesMs }) => phasesMs[phase] ?? [])
    if (values.length > 0) medians[phase] = median(values)
  }
  return medians
}

function rowOf(
  drill: string,
  recipe: string,
  rounds: readonly Round[],
  phases: readonly string[],
): DrillRow {
  const sum = (count: (round: Round) => number) =>
    rounds.reduce((total, round) => total + count(round), 0)
  const stall = (kind: keyof Stalls) => percentiles(rounds.map(({ stalls }) => stalls[kind]))
  const newFile = stall('newFile')
  return {
    drill,
    recipe,
    rounds: rounds.length,
    active: rounds.flatMap(({ active }) => active ?? []),
    passed: !rounds.some(failed),
    acknowledged: sum(({ verdict }) => verdict.acknowledged),
    lost: sum(({ verdict }) => verdict.lost.length),
    indeterminate: sum(({ verdict }) => verdict.indeterminate),
    clientErrors: sum(({ verdict }) => verdict.clientErrors.length),
    replayed: sum(({ verdict }) => verdict.replayed ?? 0),
    bothWrote: sum(({ written }) => written?.both.length ?? 0),
    compared: sum(({ compared }) => Number(compared ?? false)),
    commits: [...new Set(rounds.flatMap(({ commit }) => commit ?? []))],
    stallMs: newFile,
    stallsMs: {
      newFile,
      openFile: stall('openFile'),
      read: stall('read'),
      lock: stall('lock'),
    },
    phasesMs: medianPhases(rounds, phases),
  }
}

/** One row for each recipe and drill, both in the order in which they appear first; `phases` names all, in their order. */
export function rowsOf(rounds: readonly Round[], phases: readonly string[]): DrillRow[] {
  return [...groupBy(rounds, ({ recipe }) => recipe)].flatMap(([recipe, ofRecipe]) =>
    [...groupBy(ofRecipe, ({ drill }) => drill)].map(([drill, own]) =>
      rowOf(drill, recipe, own, phases),
    ),
  )
}
