import { describe, expect, it } from 'vitest'
import type { Drill } from '../../lib/drill/drill.ts'
import { drills } from '../../lib/drill/drills/index.ts'
import type { StartBook } from '../../lib/drill/kit.ts'
import { rowsOf } from '../../lib/drill/report/rows.ts'
import { possible, runDrills } from '../../lib/drill/run.ts'
import { chosenNode } from '../../lib/drill/start.ts'
import { exitCodes } from '../../lib/errors.ts'
import { active, drillOf, FakeGround, fakeBook, idle } from './fake.ts'

const byName = (name: string) => drills.find((drill) => drill.name === name) as Drill

interface Given {
  readonly ground?: FakeGround
  readonly book?: StartBook
  readonly rounds?: number
  readonly signal?: AbortSignal
  readonly active?: string
}

async function runAll(list: readonly Drill[], given: Given = {}) {
  const { ground = new FakeGround(), book = fakeBook(), rounds = 1 } = given
  const said: string[] = []
  const result = await runDrills(ground, {
    drills: list,
    rounds,
    startBook: book,
    say: (text) => said.push(text),
    signal: given.signal ?? new AbortController().signal,
    leadMs: 1,
    ...(given.active !== undefined && { active: given.active }),
    patienceMs: 1,
  })
  return { ...result, said: said.join('\n'), ground }
}

describe('drills on a pair that does as it should', () => {
  it('pass, each round from where the last one left the service', async () => {
    const removed: string[] = []
    const { exitCode, rounds, ground } = await runAll([byName('standby')], {
      rounds: 2,
      book: fakeBook({}, removed),
    })
    expect(exitCode).toBe(exitCodes.converged)
    expect(rounds.map(({ problems }) => problems)).toEqual([[], []])
    expect(ground.done.filter((text) => text.includes('hb_standby'))).toEqual([
      'M1: /usr/share/heartbeat/hb_standby all',
      'M2: /usr/share/heartbeat/hb_standby all',
    ])
    expect(removed).toHaveLength(2)
  })

  it('compare the disks once a drill, in its last round', async () => {
    const { ground } = await runAll([byName('standby')], { rounds: 3 })
    expect(ground.done.filter((text) => text.includes('drbdadm verify'))).toHaveLength(1)
  })

  it('give the power back before they end', async () => {
    const cutting = drillOf(
      async (stage) => {
        stage.undo('power', () => stage.ground.powerOn(stage.active))
        await stage.fault('no power', () => stage.ground.powerOff(stage.active))
      },
      { moves: true },
    )
    const { exitCode, ground } = await runAll([cutting])
    expect(exitCode).toBe(exitCodes.converged)
    expect(ground.done.filter((text) => text.startsWith('power'))).toEqual([
      'power off M1',
      'power on M1',
    ])
  })
})

describe('the first breach', () => {
  it('ends everything: a lost write', async () => {
    const book = fakeBook({ lost: ['create-7: expected create 7, got nothing'] })
    const result = await runAll([byName('standby'), byName('lock')], { book, rounds: 3 })
    expect(result.exitCode).toBe(exitCodes.failed)
    expect(result.rounds).toHaveLength(1)
    expect(result.breach?.problems.join()).toContain('create-7')
  })

  it('stops the worse of two nodes that serve', async () => {
    const ground = new FakeGround()
    const both = drillOf(async (stage) => {
      ground.pretend = () => [
        active('M1'),
        { ...active('M2'), replica: { ...active('M2').replica, disk: 'Outdated' } },
      ]
      await stage.keepsServing('M1', 5)
    })
    const { exitCode, said, ground: after } = await runAll([both], { ground })
    expect(exitCode).toBe(exitCodes.failed)
    expect(said).toContain('DRBD is Primary on M1 and M2')
    expect(after.done.filter((text) => text.includes('stop heartbeat'))).toEqual([
      'M2: systemctl stop heartbeat',
    ])
    expect(said).toMatch(/the pair is left so: M1: .*address/)
  })

  it('is told before anything is broken where the pair was not whole', async () => {
    const ground = new FakeGround()
    ground.pretend = (nodes) =>
      nodes.map((node) => (node.name === 'M2' ? idleWithout(node.name) : node))
    const { exitCode, breach } = await runAll([byName('standby')], { ground })
    expect(exitCode).toBe(exitCodes.failed)
    expect(breach?.problems).toEqual(['before: M2: heartbeat does not run'])
    expect(ground.done.some((text) => text.includes('hb_standby'))).toBe(false)
  })

  it('heals although the drill threw, and says what threw', async () => {
    const thrower = drillOf(async (stage) => {
      stage.undo('em2 is whole again', () => stage.ground.heal('em2'))
      await stage.ground.cut('em2')
      throw new Error('something unforeseen')
    })
    const { breach, ground } = await runAll([thrower])
    expect(breach?.problems).toContain('something unforeseen')
    expect(ground.done).toContain('heal em2')
  })

  it('is a service that left where it should stay', async () => {
    const mover = drillOf(async (stage) => {
      await stage.machine('M1').run('hb_standby')
      await stage.keepsServing('M1', 50)
    })
    const { breach } = await runAll([mover])
    expect(breach?.problems[0]).toMatch(/^the service left M1/)
  })

  it('is a client that was told nothing of what the drill is about', async () => {
    const silent: StartBook = (client, pair, run) => fakeBook()(client, pair, run, [])
    const { breach } = await runAll([drillOf(async () => {}, { expects: ['ENOSPC'] })], {
      book: silent,
    })
    expect(breach?.problems).toEqual(['no client was told ENOSPC, which this drill is about'])
  })

  it('is a wait where nobody had to wait', async () => {
    const quiet = drillOf(async () => {}, { maxStallMs: () => 10 })
    const { breach } = await runAll([quiet])
    expect(breach?.problems).toEqual([
      'a new file waited 20 ms, and nothing had to move (at most 10 ms)',
    ])
  })
})

const idleWithout = (name: string) => ({ ...idle(name), heartbeat: 'stopped' })

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
    const ground = new Moving()
    const given = { ground, active: 'M2', rounds: 2 }
    const { rounds, said, exitCode } = await runAll([nothing], given)
    expect(exitCode).toBe(exitCodes.converged)
    expect(rounds.map(({ active: name }) => name)).toEqual(['M2', 'M2'])
    expect(ground.done.filter((text) => text.startsWith('play'))).toEqual(['play switchover'])
    expect(said).toContain('made-up 1/2  the service is moved to M2 first')
  })

  it('is chosen by chance and said where either may be', async () => {
    const said: string[] = []
    const ground = new FakeGround()
    const chosen = Array.from({ length: 64 }, () =>
      chosenNode(ground, 'either', (text) => said.push(text)),
    )
    expect(new Set(chosen)).toEqual(new Set(['M1', 'M2']))
    expect(said).toEqual(chosen.map((name) => `${name} is to serve (by chance)`))
    const { rounds } = await runAll([nothing], { ground: new Moving(), active: 'either' })
    expect(['M1', 'M2']).toContain(rounds[0]?.active)
  })

  it('keeps the round from beginning where the switchover does not move it', async () => {
    const ground = new Moving()
    ground.moves = false
    const { breach, rounds } = await runAll([nothing], { ground, active: 'M2' })
    expect(breach?.problems).toEqual([
      'before: the switchover did not move the service to M2 (exit code 4)',
    ])
    expect(rounds[0]?.active).toBeUndefined()
  })
})

describe("the NFS servers' counters", () => {
  const nothing = drillOf(async () => {})

  it('are kept with the round', async () => {
    const ground = new Moving()
    ground.written = { M1: [10, 30], M2: [0, 0] }
    const { rounds, exitCode } = await runAll([nothing], { ground })
    expect(exitCode).toBe(exitCodes.converged)
    expect(rounds[0]?.nfsd).toEqual({
      samples: { M1: 2, M2: 2 },
      bytes: { M1: 20, M2: 0 },
      both: [],
    })
  })

  it('that rise on both nodes at once are a breach', async () => {
    const ground = new Moving()
    ground.written = { M1: [10, 30], M2: [0, 7] }
    const { breach, rounds } = await runAll([nothing], { ground })
    expect(breach?.problems).toEqual([
      expect.stringMatching(/^nfsd wrote on M1 and M2 in the same second, at [\d:.]+ UTC$/),
    ])
    expect(rounds[0]?.nfsd?.both).toHaveLength(1)
    expect(rowsOf(rounds)[0]).toMatchObject({ active: ['M1'], bothWrote: 1, passed: false })
  })
})

describe('an interrupt', () => {
  it('heals what was cut, last first, and exits 130', async () => {
    const stop = new AbortController()
    const long = drillOf(async (stage) => {
      for (const link of ['em2', 'em3']) {
        stage.undo(link, () => stage.ground.heal(link))
        await stage.ground.cut(link)
      }
      stop.abort()
      await stage.pause(60_000)
    })
    const { exitCode, ground } = await runAll([long], { signal: stop.signal })
    expect(exitCode).toBe(exitCodes.interrupted)
    expect(ground.done.filter((text) => text.startsWith('heal'))).toEqual(['heal em3', 'heal em2'])
  })
})

describe('what a ground cannot do', () => {
  it('is skipped by name with the reason', () => {
    const { run, skipped } = possible(drills, { can: new Set() })
    expect(run.map(({ name }) => name)).toEqual([
      ...['standby', 'heartbeat-stop', 'failback', 'lock', 'nfsd', 'nfsdcld'],
    ])
    expect(skipped).toContain(
      'power-off is skipped: it takes the power from a machine, which only the lab can',
    )
    expect(skipped).toHaveLength(drills.length - run.length)
  })
})
