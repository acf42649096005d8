import type { Event, EventBody, Phase } from '../../lib/engine/events.ts'
import { refs } from './events.ts'

export const processStart = 1_700_000_000_000
export const began = processStart + 400

/** Events at so many milliseconds after run-start. */
export const at = (ms: number, body: EventBody) => ({ at: began + ms, ...body }) as Event

export const start = (hosts: readonly string[]) =>
  at(0, { type: 'run-start', playbook: 'site', inventory: 'lab', check: false, hosts })
export const end = (ms: number, exitCode = 0) =>
  at(ms, { type: 'run-end', recap: [], exitCode, ms })
export const phase = (ms: number, task: string, name: Phase) =>
  at(ms, { type: 'task-start', host: task.split('/')[1] ?? '', task, phase: name })
export const done = (ms: number, task: string, status: 'ok' | 'failed' | 'skipped' = 'ok') =>
  at(ms, { type: 'task-end', host: task.split('/')[1] ?? '', task, status, ms: 999 })
export const play = (ms: number, hosts: readonly string[], titles: readonly string[]) =>
  at(ms, {
    type: 'play-start',
    play: '0',
    title: 'All',
    hosts: hosts.map((host) => ({
      host,
      tasks: refs(host, ...titles.map((title) => ['role', title] as [string, string])),
    })),
  })

/** M1 changes a disruptive task after its turn came; M2 is connected to late, and waits at a barrier. */
export const pair: readonly Event[] = [
  start(['M1', 'M2']),
  at(100, { type: 'host-connected', host: 'M1', ms: 100 }),
  at(150, { type: 'host-connected', host: 'M2', ms: 60 }),
  play(160, ['M1', 'M2'], ['one', 'two', 'three', 'four']),
  phase(160, '0/M1/0', 'check'),
  phase(160, '0/M2/0', 'check'),
  done(161.25, '0/M1/0'),
  phase(161.25, '0/M1/1', 'check'),
  done(163, '0/M2/0'),
  done(163, '0/M2/1', 'skipped'),
  phase(170, '0/M1/1', 'wait'),
  phase(200, '0/M1/1', 'apply'),
  at(250, { type: 'task-progress', host: 'M1', task: '0/M1/1', text: 'half' }),
  done(260, '0/M1/3', 'skipped'),
  phase(300, '0/M1/1', 'recheck'),
  done(310, '0/M1/1'),
  phase(310, '0/M1/2', 'check'),
  phase(310, '0/M2/2', 'check'),
  done(311, '0/M2/2'),
  done(330, '0/M1/2'),
  end(342),
]

/** Every task of host i costs i hundredths of a millisecond more; the last host is the slowest. */
export function fleet(count: number): Event[] {
  const hosts = Array.from({ length: count }, (_, index) => `host${String(index).padStart(3, '0')}`)
  const titles = Array.from({ length: 46 }, (_, index) => `task ${index}`)
  const events = [start(hosts)]
  for (const host of hosts) events.push(at(10, { type: 'host-connected', host, ms: 10 }))
  events.push(play(10, hosts, titles))
  for (const [index, host] of hosts.entries()) {
    for (const [place] of titles.entries()) {
      const step = 1 + index / 100
      events.push(phase(10 + place * step, `0/${host}/${place}`, 'check'))
      events.push(done(10 + (place + 1) * step, `0/${host}/${place}`))
    }
  }
  return [...events, end(400)]
}
