import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { runDrills } from '../../lib/drill/run.ts'
import { stageOf } from '../../lib/drill/stage.ts'
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
  const ground = new GoodPair()
  const said: string[] = []
  const running = runDrills(ground, {
    drills: [drill],
    rounds: 1,
    active,
    startBook: fakeBook(),
    say: (text) => said.push(text),
    signal: new AbortController().signal,
  })
  await vi.advanceTimersByTimeAsync(30 * 60_000)
  return { ...(await running), ground, said: said.join('\n') }
}

const each = drills.flatMap((drill) =>
  ['M1', 'M2'].map((active) => [drill.name, active, drill] as const),
)

it.each(each)('%s passes on a good pair with %s active', async (_, active, drill) => {
  const { breach, exitCode, ground, rounds, said } = await round(drill, active)
  expect(breach?.problems ?? [], said).toEqual([])
  expect(exitCode).toBe(0)
  expect(rounds[0]?.active).toBe(active)
  expect([...ground.cuts]).toEqual([])
  expect(ground.off.size).toBe(0)
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
    const ground = new GuardedPair()
    const book = await fakeBook()(ground.client, ground.system, 'run', [])
    const { signal } = new AbortController()
    const names = { active: 'M1', standby: 'M2' }
    const { stage, story } = stageOf({ ...names, ground, book, say: () => {}, signal })
    const running = drill.run({
      ...stage,
      undo: (text, act) => {
        ground.undos.push(text)
        stage.undo(text, act)
      },
      fault: async (text, act, again) => {
        if (!mends.includes(name)) expect(ground.undos, text).not.toEqual([])
        await stage.fault(text, act, again)
      },
    })
    await Promise.all([running, vi.advanceTimersByTimeAsync(30 * 60_000)])
    expect(story.problems).toEqual([])
  },
)
