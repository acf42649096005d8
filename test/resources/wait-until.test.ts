import { describe, expect, test } from 'vitest'
import { Interrupted } from '../../lib/core/errors.ts'
import { type Probed, waitUntil } from '../../lib/resources/index.ts'
import { converge, here } from './host.ts'

/** A probe that gives one answer after another, and the last one for ever. */
function answers(...list: Probed[]) {
  let next = 0
  const probe = async () => list[Math.min(next++, list.length - 1)] ?? true
  return { probe, count: () => next }
}

describe('waitUntil', () => {
  test('has nothing to do where it is so already', async () => {
    const { probe, count } = answers(true)
    expect(await converge(waitUntil('x', { probe, timeoutMs: 1000 }))).toBeUndefined()
    expect(count()).toBe(1)
  })

  test('looks again until it is so, telling how far it is', async () => {
    const { probe } = answers('a resync', { fraction: 0.5, text: 'half' }, 'the rest', true)
    const host = here()
    const change = await converge(waitUntil('x', { probe, timeoutMs: 60_000, everyMs: 0 }), host)
    expect(change?.summary).toBe('not yet: a resync')
    expect(host.told).toEqual([
      { text: 'half', fraction: 0.5 },
      { text: 'the rest', fraction: undefined },
    ])
  })

  test('names what was missing when time is up', async () => {
    const task = waitUntil('both UpToDate', { ...answers('m2'), timeoutMs: 0, everyMs: 10 })
    await expect(task.apply(here(), { summary: '' })).rejects.toThrow(
      'Waited 0 s for: both UpToDate; still missing: m2',
    )
  })

  test('ends at once when the run is interrupted, also within a pause', async () => {
    const host = here()
    const probe = async () => {
      queueMicrotask(() => host.abort.abort())
      return 'more'
    }
    const task = waitUntil('x', { probe, timeoutMs: 3_600_000, everyMs: 1_800_000 })
    await expect(task.apply(host, { summary: '' })).rejects.toThrow(Interrupted)
  })

  test('passes on what the probe throws: unknown is not "not yet"', async () => {
    const probe = async () => {
      throw new Error('no such resource')
    }
    const task = waitUntil('x', { probe, timeoutMs: 1000 })
    await expect(task.check(here())).rejects.toThrow('no such resource')
    await expect(task.apply(here(), { summary: '' })).rejects.toThrow('no such resource')
  })
})
