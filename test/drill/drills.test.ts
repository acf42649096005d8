import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { roundContext } from '../../lib/drill/round-context.ts'
import { runDrills } from '../../lib/drill/run-drills.ts'
import { drills } from '../../playbooks/drills/index.ts'
import type { Drill } from '../../playbooks/drills/pair/words.ts'
import { fakeBook } from './fake.ts'
import { GoodPair } from './good-pair.ts'

// Vitest's clock does not reach this module's own timers.
vi.mock('node:timers/promises', () => ({
  setTimeout: (ms: number) => new Promise((resolve) => setTimeout(resolve, ms)),
}))

beforeEach(() => void vi.useFakeTimers({ now: Date.UTC(2026, 10, 22) }))
afterEach(() => void vi.useRealTimers())

/** Runs one round of one drill, with all its waiting done in no time. */
async function round(drill: Drill, active: string) {
  const environment = new GoodPair()
  const said: string[] = []
  const running = runDrills(environment, {
    drills: [drill],
    rounds: 1,
    active,
    startWorkload: fakeBook(),
    say: (text) => said.push(text),
    signal: new AbortController().signal,
  })
  await vi.advanceTimersByTimeAsync(30 * 60_000)
  return { ...(await running), environment, said: said.join('\n') }
}

const each = drills.flatMap((drill) =>
  ['M1', 'M2'].map((active) => [drill.name, active, drill] as const),
)

it.each(each)('%s passes on a good pair with %s active', async (_, active, drill) => {
  const { breach, exitCode, environment, rounds, said } = await round(drill, active)
  expect(breach?.problems ?? [], said).toEqual([])
  expect(exitCode).toBe(0)
  expect(rounds[0]?.active).toBe(active)
  expect([...environment.cuts]).toEqual([])
  expect(environment.off.size).toBe(0)
})

/** What ends by itself, or is mended by the pair: there is nothing to undo. */
const mends = ['standby', 'failback', 'lock', 'nfsd', 'nfsdcld', 'standby-reboot']

/** Takes no fault whose undoing is not registered yet. */
class GuardedPair extends GoodPair {
  readonly undos: string[] = []

  #guard(what: string) {
    if (!this.undos.some((text) => text.includes(what))) throw new Error(`no undo of ${what}`)
  }
  override async powerOff(name: string) {
    this.#guard(name)
    await super.powerOff(name)
  }
  override async freeze(name: string) {
    this.#guard(name)
    await super.freeze(name)
  }
  override async cut(link: string) {
    this.#guard(link)
    await super.cut(link)
  }
}

it.each(drills.map((drill) => [drill.name, drill] as const))(
  '%s registers how to undo its fault before it does it',
  async (name, drill) => {
    const environment = new GuardedPair()
    const workload = await fakeBook()(environment.client, environment.system, 'run', [])
    const { signal } = new AbortController()
    const names = { active: 'M1', standby: 'M2' }
    const { context, record } = roundContext({
      ...names,
      environment,
      workload,
      say: () => {},
      signal,
    })
    const running = drill.run({
      ...context,
      undo: (text, act) => {
        environment.undos.push(text)
        context.undo(text, act)
      },
      fault: async (text, act, again) => {
        if (!mends.includes(name)) expect(environment.undos, text).not.toEqual([])
        await context.fault(text, act, again)
      },
    })
    await Promise.all([running, vi.advanceTimersByTimeAsync(30 * 60_000)])
    expect(record.problems).toEqual([])
  },
)
