import { describe, expect, test } from 'vitest'
import { Interrupted } from '../../lib/core/errors.ts'
import { poll } from '../../lib/core/poll.ts'

describe('poll', () => {
  test('asks until there is an answer', async () => {
    let asked = 0
    const answer = await poll(async () => (++asked < 3 ? undefined : 'here'), { everyMs: 1 })
    expect([answer, asked]).toEqual(['here', 3])
  })

  test('takes false and 0 for answers', async () => {
    expect(await poll(async () => false, { everyMs: 1 })).toBe(false)
    expect(await poll(async () => 0, { everyMs: 1 })).toBe(0)
  })

  test('asks once more at the end of its time, and once where it has none', async () => {
    let asked = 0
    const never = async () => {
      asked++
      return undefined
    }
    expect(await poll(never, { everyMs: 1_000, limitMs: 0 })).toBeUndefined()
    expect(asked).toBe(1)
    // A pause does not go beyond the limit.
    expect(await poll(never, { everyMs: 100_000, limitMs: 20 })).toBeUndefined()
    expect(asked).toBeGreaterThanOrEqual(3)
  })

  test('ends at once when it is interrupted, and says what was waited for', async () => {
    const abort = new AbortController()
    const waiting = poll(async () => undefined, {
      everyMs: 100_000,
      signal: abort.signal,
      what: 'the peer',
    })
    setTimeout(() => abort.abort(), 5)
    await expect(waiting).rejects.toThrow(new Interrupted('Interrupted while waiting: the peer'))
    await expect(
      poll(async () => 'x', { everyMs: 1, signal: abort.signal }),
    ).rejects.toBeInstanceOf(Interrupted)
  })

  test('hands on what a question throws', async () => {
    const broken = async () => {
      throw new Error('no answer')
    }
    await expect(poll(broken, { everyMs: 1 })).rejects.toThrow('no answer')
  })
})
