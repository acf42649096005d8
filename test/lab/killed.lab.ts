import { beforeEach, describe, expect, it } from 'vitest'
import type { Event } from '../../lib/engine/index.ts'
import { sums, writeFiles } from './state.ts'
import { lab, play, story } from './tandem.ts'

/** Kills the run when a task's change on M1 has come to the place that `at` names. */
function killer(title: string, at: 'apply' | 'task-progress') {
  const state = { killed: false }
  let id: string | undefined
  const watch = (event: Event, kill: () => void) => {
    if (event.type === 'play-start') {
      for (const { host, tasks } of event.hosts) {
        if (host !== 'M1') continue
        id = tasks.find((task) => `${task.role}: ${task.title}` === title)?.id ?? id
      }
    }
    const here =
      at === 'apply'
        ? event.type === 'task-start' && event.phase === 'apply' && event.task === id
        : event.type === 'task-progress' && event.task === id
    if (here && !state.killed) {
      state.killed = true
      kill()
    }
  }
  return { state, watch }
}

beforeEach(async () => {
  const reset = await lab('reset', 'clean')
  expect(reset.code, reset.stderr).toBe(0)
})

describe('after SIGKILL in', () => {
  it.each([
    ['an installation', 'heartbeat/install: packages heartbeat', 'task-progress'],
    ['the write of a file', 'drbd/config: file /etc/drbd.d/drbd.res', 'apply'],
    ['the first synchronisation', 'drbd/init: first synchronisation of drbd', 'apply'],
    ['mkfs', 'drbd/init: ext4 on /dev/drbd0', 'apply'],
    ['the start of heartbeat', 'integrate/start: heartbeat is started', 'apply'],
  ] as const)('%s the next run converges and verify passes', async (_, title, at) => {
    const { state, watch } = killer(title, at)
    const killed = await play(['site'], watch)
    expect(state.killed, story(killed)).toBe(true)
    expect(killed.code).toBe(null)
    // It waits by itself for what the killed run left behind on a slow host.
    const next = await play(['site'])
    expect(next.code, story(next)).toBe(0)
    const files = await writeFiles(20, 'after')
    const verified = await play(['verify'])
    expect(verified.code, story(verified)).toBe(0)
    const again = await play(['site'])
    expect(again.recap.map(({ changed }) => changed)).toEqual([0, 0, 0])
    expect(await sums('after')).toBe(files)
  })
})
