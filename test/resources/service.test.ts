import { createHash } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import type { ServiceState } from '../../lib/platform/index.ts'
import { service } from '../../lib/resources/index.ts'
import {
  interrupts,
  type ServiceWanted,
  serviceDifference,
} from '../../lib/resources/shared/service-difference.ts'
import { newer, outdated, stampScript, stampText } from '../../lib/resources/shared/start-stamp.ts'
import { cases } from '../platform/cases.ts'
import { here, inDirectory } from './host.ts'

interface Case {
  title: string
  now: ServiceState
  wanted: ServiceWanted
  restartOn?: string[]
  reloadOn?: string[]
  actions: string[]
  summary: string
  interrupts: boolean
  error?: string
}

const up: ServiceState = {
  unit: 'heartbeat',
  exists: true,
  masked: 'no',
  active: 'running',
  enabled: 'yes',
  invocation: 'this-start',
  startedAt: 100e6,
  startedAtUnix: 5000,
  words: 'active (running)',
}

describe('service', () => {
  for (const given of cases<Case>(join(import.meta.dirname, 'service'))) {
    test(given.title, () => {
      const { restartOn: restart = [], reloadOn: reload = [] } = given
      const compare = () => serviceDifference(given.now, given.wanted, { restart, reload })
      if (given.error) return expect(compare).toThrow(given.error)
      const difference = compare()
      expect(difference.actions).toEqual(given.actions)
      expect(difference.reasons.join('; ')).toBe(given.summary)
      expect(interrupts(given.now, difference)).toBe(given.interrupts)
    })
  }

  test('has titles an administrator would give', () => {
    expect(service('nfs-server', { masked: true }).title).toBe('service nfs-server masked')
    const title = service('heartbeat', { state: 'running', enabled: true }).title
    expect(title).toBe('service heartbeat running, enabled')
  })

  test('refuses contradictions and empty wishes before any connection', () => {
    expect(() => service('x', {})).toThrow(
      'Expected state, enabled, masked, restartOn or reloadOn for x',
    )
    expect(() => service('x', { masked: true, state: 'running' })).toThrow('either masked or')
    expect(() => service('x y', { state: 'running' })).toThrow('Expected the name of a unit')
  })
})

describe('a restart is state', () => {
  const sum = (text: string) => createHash('sha256').update(text).digest('hex')

  /** Asks this machine as `service` does, with a stamp in a directory of the test. */
  async function ask(dir: string, now: ServiceState, files: string[]) {
    const host = here()
    const answer = await host.$`eval ${stampScript(join(dir, 'stamp'), files)}`.nothrow()
    return outdated(host, now, files, answer)
  }

  test('a stamp of this start decides by content, whatever the times say', () =>
    inDirectory(async (dir) => {
      const path = join(dir, `it's ha\\cf`)
      await writeFile(path, 'new')
      const stamp = (text: string) =>
        writeFile(join(dir, 'stamp'), stampText('this-start', new Map([[path, sum(text)]])))
      await stamp('new')
      expect(await ask(dir, up, [path])).toEqual({
        changed: [],
        sums: new Map([[path, sum('new')]]),
      })
      await stamp('old')
      expect((await ask(dir, up, [path])).changed).toEqual([path])
    }))

  test('a stamp of another start says nothing: times decide', () =>
    inDirectory(async (dir) => {
      const path = join(dir, 'x')
      await writeFile(path, 'new')
      const text = stampText('another-start', new Map([[path, sum('new')]]))
      await writeFile(join(dir, 'stamp'), text)
      expect((await ask(dir, up, [path])).changed).toEqual([path])
    }))

  test('without a stamp, times decide', () =>
    inDirectory(async (dir) => {
      const path = join(dir, 'a file')
      await writeFile(path, 'x')
      expect((await ask(dir, up, [path])).changed).toEqual([path])
      // Started in the future, in both clocks: nothing can be newer.
      const later = { ...up, startedAt: 1e18, startedAtUnix: 1e12 }
      expect((await ask(dir, later, [path])).changed).toEqual([])
    }))

  test('a file the stamp does not know is judged by its time', () =>
    inDirectory(async (dir) => {
      const [known, added] = [join(dir, 'known'), join(dir, 'added')]
      for (const path of [known, added]) await writeFile(path, 'x')
      const text = stampText('this-start', new Map([[known, sum('x')]]))
      await writeFile(join(dir, 'stamp'), text)
      expect((await ask(dir, up, [known, added])).changed).toEqual([added])
    }))

  test('a missing file is an error, not "unchanged"', () =>
    inDirectory(async (dir) => {
      await expect(ask(dir, up, [join(dir, 'x')])).rejects.toThrow(/^Cannot read .*No such file/)
    }))

  // The service started at 100 s after boot, when the wall clock said 5000.
  const clocks: [string, string, boolean][] = [
    ['changed before the start', '200.00 5100.0\n4990.0 /x\n', false],
    ['changed after the start', '200.00 5100.0\n5010.0 /x\n', true],
    ['changed at the very start', '200.00 5100.0\n5000.0 /x\n', true],
    ['changed after the start, the clock set back in between', '200.00 3100.0\n3050.0 /x\n', true],
    ['changed after the start, the clock set forward since', '200.00 9100.0\n5010.0 /x\n', true],
  ]
  for (const [title, text, result] of clocks) {
    test(`a file ${title} is ${result ? '' : 'not '}newer`, () => {
      expect(newer(text, up, ['/x'])).toEqual(result ? ['/x'] : [])
    })
  }
})
