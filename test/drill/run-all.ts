import { runDrills } from '../../lib/drill/run-drills.ts'
import type { StartWorkload } from '../../lib/drill/workload.ts'
import type { Drill } from '../../playbooks/drills/pair/words.ts'
import { FakeGround, fakeBook } from './fake.ts'

/** What a test may give; all else is a pair that does as it should. */
interface Given {
  readonly environment?: FakeGround
  readonly workload?: StartWorkload
  readonly rounds?: number
  readonly signal?: AbortSignal
  readonly active?: string
}

/** Runs drills without any lead, and gives what was said and done as well. */
export async function runAll(list: readonly Drill[], given: Given = {}) {
  const { environment = new FakeGround(), workload = fakeBook(), rounds = 1 } = given
  const said: string[] = []
  const result = await runDrills(environment, {
    drills: list,
    rounds,
    startWorkload: workload,
    say: (text) => said.push(text),
    signal: given.signal ?? new AbortController().signal,
    leadMs: 1,
    ...(given.active !== undefined && { active: given.active }),
    patienceMs: 1,
  })
  return { ...result, said: said.join('\n'), environment }
}
