import { describe, expect, it } from 'vitest'
import { exitCodes } from '../../lib/core/errors.ts'
import type { Drill } from '../../lib/drill/drill.ts'
import { possible } from '../../lib/drill/run-drills.ts'
import type { StartWorkload } from '../../lib/drill/workload.ts'
import { drills } from '../../playbooks/drills/index.ts'
import { active, drillOf, FakeGround, fakeBook, idle } from './fake.ts'
import { runAll } from './run-all.ts'

const byName = (name: string) => drills.find((drill) => drill.name === name) as Drill

describe('drills on a pair that does as it should', () => {
  it('pass, each round from where the last one left the service', async () => {
    const removed: string[] = []
    const { exitCode, rounds, environment } = await runAll([byName('standby')], {
      rounds: 2,
      workload: fakeBook({}, removed),
    })
    expect(exitCode).toBe(exitCodes.converged)
    expect(rounds.map(({ problems }) => problems)).toEqual([[], []])
    expect(environment.done.filter((text) => text.includes('hb_standby'))).toEqual([
      'M1: /usr/share/heartbeat/hb_standby all',
      'M2: /usr/share/heartbeat/hb_standby all',
    ])
    expect(removed).toHaveLength(2)
  })

  it('compare the disks once a drill, in its last round', async () => {
    const { environment } = await runAll([byName('standby')], { rounds: 3 })
    expect(environment.done.filter((text) => text.includes('drbdadm verify'))).toHaveLength(1)
  })

  it('give the power back before they end', async () => {
    const cutting = drillOf(
      async (context) => {
        context.undo('power', () => context.environment.powerOn(context.active))
        await context.fault('no power', () => context.environment.powerOff(context.active))
      },
      { moves: true },
    )
    const { exitCode, environment } = await runAll([cutting])
    expect(exitCode).toBe(exitCodes.converged)
    expect(environment.done.filter((text) => text.startsWith('power'))).toEqual([
      'power off M1',
      'power on M1',
    ])
  })
})

describe('the first breach', () => {
  it('ends everything: a lost write', async () => {
    const workload = fakeBook({ lost: ['create-7: expected create 7, got nothing'] })
    const result = await runAll([byName('standby'), byName('lock')], { workload, rounds: 3 })
    expect(result.exitCode).toBe(exitCodes.failed)
    expect(result.rounds).toHaveLength(1)
    expect(result.breach?.problems.join()).toContain('create-7')
  })

  it('stops the worse of two nodes that serve', async () => {
    const environment = new FakeGround()
    const both = drillOf(async (context) => {
      environment.pretend = () => [
        active('M1'),
        { ...active('M2'), replica: { ...active('M2').replica, disk: 'Outdated' } },
      ]
      await context.keepsServing('M1', 5)
    })
    const { exitCode, said, environment: after } = await runAll([both], { environment })
    expect(exitCode).toBe(exitCodes.failed)
    expect(said).toContain('DRBD is Primary on M1 and M2')
    expect(after.done.filter((text) => text.includes('stop heartbeat'))).toEqual([
      'M2: systemctl stop heartbeat',
    ])
    expect(said).toMatch(/the pair stays in this state: M1: .*address/)
  })

  it('is told before anything is broken where the pair was not whole', async () => {
    const environment = new FakeGround()
    environment.pretend = (nodes) =>
      nodes.map((node) => (node.name === 'M2' ? idleWithout(node.name) : node))
    const { exitCode, breach } = await runAll([byName('standby')], { environment })
    expect(exitCode).toBe(exitCodes.failed)
    expect(breach?.problems).toEqual(['before: M2: heartbeat does not run'])
    expect(environment.done.some((text) => text.includes('hb_standby'))).toBe(false)
  })

  it('heals although the drill threw, and says what threw', async () => {
    const thrower = drillOf(async (context) => {
      context.undo('em2 is connected again', () => context.environment.heal('em2'))
      await context.environment.cut('em2')
      throw new Error('something unforeseen')
    })
    const { breach, environment } = await runAll([thrower])
    expect(breach?.problems).toContain('something unforeseen')
    expect(environment.done).toContain('heal em2')
  })

  it('is a service that left where it should stay', async () => {
    const mover = drillOf(async (context) => {
      await context.machine('M1').run('hb_standby')
      await context.keepsServing('M1', 50)
    })
    const { breach } = await runAll([mover])
    expect(breach?.problems[0]).toMatch(/^the service left M1/)
  })

  it('is a client that was told nothing of what the drill is about', async () => {
    const silent: StartWorkload = (client, pair, run) => fakeBook()(client, pair, run, [])
    const { breach } = await runAll([drillOf(async () => {}, { expects: ['ENOSPC'] })], {
      workload: silent,
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

describe('an interrupt', () => {
  it('heals what was cut, last first, and exits 130', async () => {
    const stop = new AbortController()
    const long = drillOf(async (context) => {
      for (const link of ['em2', 'em3']) {
        context.undo(link, () => context.environment.heal(link))
        await context.environment.cut(link)
      }
      stop.abort()
      await context.pause(60_000)
    })
    const { exitCode, environment } = await runAll([long], { signal: stop.signal })
    expect(exitCode).toBe(exitCodes.interrupted)
    expect(environment.done.filter((text) => text.startsWith('heal'))).toEqual([
      'heal em3',
      'heal em2',
    ])
  })
})

describe('what an environment cannot do', () => {
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
