import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { exitCodes } from '../../lib/core/errors.ts'
import { controlText, runControls } from '../../lib/drill/controls.ts'
import type { Round } from '../../lib/drill/record/round-record.ts'
import type { StartWorkload } from '../../lib/drill/workload.ts'
import { controls } from '../../playbooks/drills/controls/index.ts'
import type { Control } from '../../playbooks/drills/pair/words.ts'
import { drillOf, FakeGround, fakeBook } from './fake.ts'
import { GoodPair } from './good-pair.ts'

// Vitest's clock does not reach this module's own timers.
vi.mock('node:timers/promises', () => ({
  setTimeout: (ms: number) => new Promise((resolve) => setTimeout(resolve, ms)),
}))
beforeEach(() => void vi.useFakeTimers({ now: Date.UTC(2026, 10, 22) }))
afterEach(() => void vi.useRealTimers())

const byName = (name: string) => controls.find(({ drill }) => drill.name === name) as Control

async function run(
  which: readonly Control[],
  workload: StartWorkload,
  environment: FakeGround = new GoodPair(),
  stop = new AbortController(),
) {
  const said: string[] = []
  const running = runControls(environment, {
    controls: which,
    rounds: 1,
    startWorkload: workload,
    say: (text) => said.push(text),
    signal: stop.signal,
    patienceMs: 1,
  })
  await vi.advanceTimersByTimeAsync(60 * 60_000)
  return { ...(await running), environment, said: said.join('\n') }
}

/** A pair whose servers both write at the end of everything. */
class BothWrite extends GoodPair {
  protected override listen(_: string, onLine: (line: string) => void, signal: AbortSignal) {
    for (const line of ['1.00 0', '2.00 9']) onLine(line)
    return super.listen(_, onLine, signal)
  }
}

const lossy = fakeBook({ lost: ['create-1 is gone'] })

/** Those that the ledger catches; the last one is caught by what is seen of the nodes. */
const byLedger = controls.filter(({ drill }) => drill.name !== 'isolated-fencing-off')

describe('a control', () => {
  it.each(byLedger.map((control) => [control.drill.name, control] as const))(
    '%s is caught by what is lost, and missed where nothing is',
    async (_, control) => {
      const found = await run([control], lossy)
      expect(found.results[0]?.text, found.said).toBe('1 of 1 acknowledged writes are lost')
      expect(found.exitCode).toBe(exitCodes.converged)
      const { results, exitCode } = await run([control], fakeBook())
      expect(results[0]?.caught).toBe(false)
      expect(exitCode).toBe(exitCodes.failed)
    },
  )

  it('of a node that serves beside the other is caught by what is seen of both', () => {
    const isolated = controls.find(({ drill }) => drill.name === 'isolated-fencing-off')
    const round = (problems: string[]) => ({ problems }) as unknown as Round
    expect(isolated?.caught(round(['after: M1 does not answer']))).toBeUndefined()
    expect(isolated?.caught(round(['DRBD is Primary on M1 and M2']))).toBe(
      'DRBD is Primary on M1 and M2',
    )
  })

  it('of two servers is caught by their counters alone, the others are not', async () => {
    const { results } = await run(controls, fakeBook(), new BothWrite())
    expect(results.map(({ name, caught }) => [name, caught])).toEqual([
      ['control', false],
      ['fencing-off', true],
      ['isolated-fencing-off', false],
      ['answer-5', false],
    ])
    expect(results[1]?.text).toMatch(/^nfsd wrote on M1 and M2 in the same second/)
  })

  it('that breaks the pair for good is put back, before it and whatever it came to', async () => {
    const control: Control = {
      caught: () => 'lost',
      drill: drillOf(
        async () => {
          throw new Error('half way')
        },
        { isControl: true, spoils: true },
      ),
    }
    const { environment } = await run([control], lossy, new FakeGround())
    expect(environment.done.filter((text) => text === 'restore')).toHaveLength(2)
  })

  it('is not begun where the pair cannot be put back', async () => {
    class NoWayBack extends GoodPair {
      override async restore(): Promise<void> {
        throw new Error('There is no snapshot converged; there is clean')
      }
    }
    const { results, environment } = await run([byName('answer-5')], lossy, new NoWayBack())
    expect(results).toEqual([
      { name: 'answer-5', caught: false, text: 'There is no snapshot converged; there is clean' },
    ])
    expect(environment.done).toEqual([])
  })

  it('that is interrupted ends them all, healed and put back', async () => {
    const stop = new AbortController()
    class Interrupting extends GoodPair {
      override async freeze(name: string) {
        await super.freeze(name)
        stop.abort()
      }
    }
    const { results, exitCode, environment } = await run(
      [byName('fencing-off'), byName('answer-5')],
      lossy,
      new Interrupting(),
      stop,
    )
    expect(exitCode).toBe(exitCodes.interrupted)
    expect(results.map(({ name, caught }) => [name, caught])).toEqual([['fencing-off', false]])
    expect(environment.done.slice(-1)).toEqual(['restore'])
    expect(environment.done).toContain('thaw M1')
  })
})

describe('the table of controls', () => {
  it('says of each whether it was caught, and what follows', () => {
    const good = { name: 'control', caught: true, text: '3 of 90 acknowledged writes are lost' }
    const bad = { name: 'answer-5', caught: false, text: 'the checker found nothing wrong' }
    expect(controlText([good, bad])).toBe(`control   result      by
control   caught      3 of 90 acknowledged writes are lost
answer-5  NOT CAUGHT  the checker found nothing wrong
Not caught: answer-5. The checker did not see these faults, so the drills prove nothing
`)
    expect(controlText([good])).toContain('Every control was caught')
  })
})
