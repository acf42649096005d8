import { describe, expect, it } from 'vitest'
import { Unreachable } from '../../lib/core/errors.ts'
import { type ConvergeOptions, converge, roleLine } from '../../lib/engine/converge.ts'
import type { EventBody } from '../../lib/engine/events.ts'
import { change, Refusal, type Task, UsageError } from '../../lib/index.ts'
import { Machine, naive, planned, randomTasks } from './model.ts'

function ends(events: readonly EventBody[]): string[] {
  return events.flatMap((event) => {
    if (event.type !== 'task-end') return []
    const more = event.status === 'changed' ? event.change?.summary : event.reason
    return [`task ${event.task} ${event.status}${more ? ` ${more}` : ''}`]
  })
}

async function speculative(
  tasks: readonly Task[],
  machine: Machine,
  options: Partial<ConvergeOptions> = {},
) {
  const events: EventBody[] = []
  const well = await converge(
    planned(tasks),
    machine.site(),
    {
      check: false,
      keepGoing: false,
      signal: new AbortController().signal,
      emit: (event) => events.push(event),
      ...options,
    },
    { any: false, files: new Set() },
  )
  return { well, events, ends: ends(events) }
}

describe('speculative convergence', () => {
  it('ends like a sequential engine on 3000 random task lists', async () => {
    let changes = 0
    let failures = 0
    for (let seed = 1; seed <= 3000; seed++) {
      const one = new Machine(seed)
      const two = new Machine(seed)
      const wanted = await naive(randomTasks(seed), one)
      const got = await speculative(randomTasks(seed), two)
      const label = `seed ${seed}`
      expect(got.ends, label).toEqual(wanted)
      expect(two.applied, label).toEqual(one.applied)
      expect(Object.fromEntries(two.state), label).toEqual(Object.fromEntries(one.state))
      changes += one.applied.length
      failures += wanted.filter((line) => line.includes(' failed ')).length
    }
    // The lists must really contain what makes speculation hard.
    expect(changes).toBeGreaterThan(3000)
    expect(failures).toBeGreaterThan(300)
  })

  it('sees an apply half that goes on for a moment, however busy this side is', async () => {
    const busy = () => {
      const end = performance.now() + 3
      while (performance.now() < end);
    }
    for (let seed = 1; seed <= 100; seed++) {
      const machine = new Machine(seed)
      const tasks: Task[] = [
        {
          title: 'sets a, and b a little later',
          check: async () => (machine.get('a') ? undefined : change('a is not 1')),
          apply: async (host) => {
            await (host as unknown as Machine).quickly([['a', 1]])
            const later = new Promise((resolve) => setTimeout(resolve, 1))
            busy()
            await later
            machine.state.set('b', 1)
          },
        },
        {
          title: 'sees b',
          check: async (host) =>
            (await host.$`b`).stdout === '1' ? undefined : change('b is not 1'),
          apply: async () => {},
        },
      ]
      expect((await speculative(tasks, machine)).ends, `seed ${seed}`).toEqual([
        'task 0 changed a is not 1',
        'task 1 ok',
      ])
    }
  })

  it('asks every check of a converged host before it waits for any answer', async () => {
    const machine = new Machine(1)
    let asked = 0
    const tasks = Array.from(
      { length: 40 },
      (_, index): Task => ({
        title: `task ${index}`,
        check: async () => {
          asked++
          await Promise.resolve()
          expect(asked).toBe(40)
          return undefined
        },
        apply: async () => {},
      }),
    )
    expect((await speculative(tasks, machine)).well).toBe(true)
  })

  it('asks the checks behind a change again', async () => {
    const machine = new Machine(1)
    const seen: number[] = []
    const tasks: Task[] = [
      {
        title: 'sets a',
        check: async () => (machine.get('a') === 1 ? undefined : change('a is not 1')),
        apply: async () => {
          machine.state.set('a', 1)
        },
      },
      {
        title: 'sees a',
        check: async () => {
          seen.push(machine.get('a'))
          return undefined
        },
        apply: async () => {},
      },
    ]
    await speculative(tasks, machine)
    expect(seen).toEqual([0, 1])
  })

  it('foresees, where it only looks, what follows a file that would change', async () => {
    const seen: (readonly string[])[] = []
    const follower = (title: string, foresee: NonNullable<Task['foresee']>): Task => ({
      title,
      check: async () => undefined,
      apply: async () => {},
      foresee,
    })
    const tasks: Task[] = [
      follower('before', async (_host, found, files) => {
        seen.push([...files])
        return found
      }),
      {
        title: 'writes',
        check: async () => change('differs', { path: '/x', before: '', after: 'y' }),
        apply: async () => {},
      },
      follower('restarts', async (_host, _found, files) => {
        seen.push([...files])
        return files.has('/x') ? change('runs with an older /x, restarts') : undefined
      }),
      follower('cannot tell', async () => {
        throw new Error('its check reads /x')
      }),
      follower('refuses', async () => {
        throw new Refusal('it would remove y')
      }),
    ]
    const told = await speculative(tasks, new Machine(1), { check: true, keepGoing: true })
    expect(told.ends).toEqual([
      'task 0 ok',
      'task 1 would-change',
      'task 2 would-change',
      'task 3 unknown is known only after the changes above',
      'task 4 refused it would remove y',
    ])
    expect(seen).toEqual([[], ['/x']])
    seen.length = 0
    await speculative(tasks.slice(0, 1), new Machine(1))
    expect(seen).toEqual([])
  })

  it('does not call a host unknown that it has lost', async () => {
    const tasks: Task[] = [
      { title: 'x', check: async () => change('differs'), apply: async () => {} },
      {
        title: 'y',
        check: async () => {
          throw new Unreachable('M1: connection closed')
        },
        apply: async () => {},
      },
    ]
    const { well, ends: told, events } = await speculative(tasks, new Machine(1), { check: true })
    expect(well).toBe(false)
    expect(told).toEqual(['task 0 would-change', 'task 1 failed M1: connection closed'])
    expect(events).toContainEqual(expect.objectContaining({ type: 'host-unreachable' }))
  })

  it('calls a change that did not take a failure', async () => {
    const tasks: Task[] = [
      { title: 'x', check: async () => change('mode is 0644'), apply: async () => {} },
    ]
    const { well, ends: told } = await speculative(tasks, new Machine(1))
    expect(well).toBe(false)
    expect(told).toEqual([
      'task 0 failed the host is still not as it should be after the change: mode is 0644',
    ])
  })

  it('names everything that would change in check mode and applies nothing', async () => {
    let applied = 0
    const tasks: Task[] = [
      { title: 'a', check: async () => change('one'), apply: async () => void applied++ },
      {
        title: 'b',
        check: async () => {
          throw new Error('no such command')
        },
        apply: async () => void applied++,
      },
      { title: 'c', check: async () => change('two'), apply: async () => void applied++ },
    ]
    const { well, events } = await speculative(tasks, new Machine(1), { check: true })
    expect(well).toBe(true)
    expect(applied).toBe(0)
    expect(events.flatMap((e) => (e.type === 'task-end' ? [e.status] : []))).toEqual([
      'would-change',
      'unknown',
      'would-change',
    ])
  })

  it('still refuses in check mode where a guard says no', async () => {
    const tasks: Task[] = [
      { title: 'a', check: async () => change('one'), apply: async () => {} },
      {
        title: 'b',
        check: async () => {
          throw new Refusal('the disk has data')
        },
        apply: async () => {},
      },
    ]
    const { well, ends: told } = await speculative(tasks, new Machine(1), { check: true })
    expect(well).toBe(false)
    expect(told[1]).toBe('task 1 refused the disk has data')
  })

  it('asks the proof before a destroying task and does not apply when it refuses', async () => {
    let applied = false
    const tasks: Task[] = [
      {
        title: 'mkfs',
        check: async () => change('no filesystem'),
        destroys: {
          what: '/dev/drbd0',
          proof: async () => {
            throw new Refusal('it is not blank')
          },
        },
        apply: async () => {
          applied = true
        },
      },
    ]
    const { ends: told } = await speculative(tasks, new Machine(1))
    expect(applied).toBe(false)
    expect(told).toEqual(['task 0 refused it is not blank'])
  })

  it('tells every failure of a verification that keeps going', async () => {
    const failing = (text: string): Task => ({
      title: text,
      check: async () => {
        throw new Error(text)
      },
      apply: async () => {},
    })
    const { well, ends: told } = await speculative(
      [failing('one'), failing('two')],
      new Machine(1),
      {
        keepGoing: true,
      },
    )
    expect(well).toBe(false)
    expect(told).toEqual(['task 0 failed one', 'task 1 failed two'])
  })
})

describe('roleLine', () => {
  it('finds the first line of a role in a stack', () => {
    const error = new UsageError('x')
    error.stack =
      'UsageError: x\n at a (/x/lib/core/task.ts:3:1)\n at b (/x/roles/drbd/init.ts:42:9)'
    expect(roleLine(error.stack)).toBe('roles/drbd/init.ts:42')
  })
})
