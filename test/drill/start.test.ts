import { describe, expect, it } from 'vitest'
import { exitCodes } from '../../lib/core/errors.ts'
import { chosenNode } from '../../lib/drill/begin-round.ts'
import { rowsOf } from '../../lib/drill/record/drill-rows.ts'
import { drillOf, FakeGround } from './fake.ts'
import { runAll } from './run-all.ts'

/** A pair that does as `switchover` says, and whose servers write as the test says. */
class Moving extends FakeGround {
  moves = true
  written: Readonly<Record<string, readonly number[]>> = {}

  protected override listen(name: string, onLine: (line: string) => void, signal: AbortSignal) {
    for (const [at, bytes] of (this.written[name] ?? []).entries()) onLine(`${at}.00 ${bytes}`)
    return super.listen(name, onLine, signal)
  }
  override async play(words: readonly string[]) {
    await super.play(words)
    if (this.moves) this.serving = this.serving === 'M1' ? 'M2' : 'M1'
    return { code: this.moves ? 0 : 4, text: '' }
  }
}

describe('the node that serves when a round begins', () => {
  const nothing = drillOf(async () => {})

  it('is the one that was asked for, moved there by a switchover where it is not', async () => {
    const environment = new Moving()
    const given = { environment, active: 'M2', rounds: 2 }
    const { rounds, said, exitCode } = await runAll([nothing], given)
    expect(exitCode).toBe(exitCodes.converged)
    expect(rounds.map(({ active: name }) => name)).toEqual(['M2', 'M2'])
    expect(environment.done.filter((text) => text.startsWith('play'))).toEqual(['play switchover'])
    expect(said).toContain('made-up 1/2  the service is moved to M2 first')
  })

  it('is chosen by chance and said where either may be', async () => {
    const said: string[] = []
    const environment = new FakeGround()
    const chosen = Array.from({ length: 64 }, () =>
      chosenNode(environment, 'either', (text) => said.push(text)),
    )
    expect(new Set(chosen)).toEqual(new Set(['M1', 'M2']))
    expect(said).toEqual(chosen.map((name) => `${name} is to serve (by chance)`))
    const { rounds } = await runAll([nothing], { environment: new Moving(), active: 'either' })
    expect(['M1', 'M2']).toContain(rounds[0]?.active)
  })

  it('keeps the round from beginning where the switchover does not move it', async () => {
    const environment = new Moving()
    environment.moves = false
    const { breach, rounds } = await runAll([nothing], { environment, active: 'M2' })
    expect(breach?.problems).toEqual([
      'before: npm run play switchover did not move the service to M2 (exit code 4)',
    ])
    expect(rounds[0]?.active).toBeUndefined()
  })
})

describe("the NFS servers' counters", () => {
  const nothing = drillOf(async () => {})

  it('are kept with the round', async () => {
    const environment = new Moving()
    environment.written = { M1: [10, 30], M2: [0, 0] }
    const { rounds, exitCode } = await runAll([nothing], { environment })
    expect(exitCode).toBe(exitCodes.converged)
    expect(rounds[0]?.written).toEqual({
      samples: { M1: 2, M2: 2 },
      bytes: { M1: 20, M2: 0 },
      both: [],
    })
  })

  it('that rise on both nodes at once are a breach', async () => {
    const environment = new Moving()
    environment.written = { M1: [10, 30], M2: [0, 7] }
    const { breach, rounds } = await runAll([nothing], { environment })
    expect(breach?.problems).toEqual([
      expect.stringMatching(/^nfsd wrote on M1 and M2 in the same second, at [\d:.]+ UTC$/),
    ])
    expect(rounds[0]?.written?.both).toHaveLength(1)
    expect(rowsOf(rounds, [])[0]).toMatchObject({ active: ['M1'], bothWrote: 1, passed: false })
  })
})
