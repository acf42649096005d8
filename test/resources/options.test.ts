import { join } from 'node:path'
import { expect, test } from 'vitest'
import { Refusal, type Task } from '../../lib/index.ts'
import {
  absent,
  block,
  command,
  directory,
  file,
  group,
  kernelModule,
  line,
  link,
  mount,
  packages,
  route,
  service,
  sysctl,
  systemdUnit,
  type TaskOptions,
  user,
  waitUntil,
} from '../../lib/resources/index.ts'
import { here, inDirectory, me } from './host.ts'

const all: Readonly<Record<string, (options: TaskOptions) => Task>> = {
  absent: (options) => absent('/x', options),
  block: (options) => block('/x', { ...options, name: 'x', lines: [] }),
  command: (options) => command('x', { ...options, unless: 'false', run: 'true' }),
  directory: (options) => directory('/x', options),
  file: (options) => file('/x', '', options),
  group: (options) => group('x', options),
  kernelModule: (options) => kernelModule('x', options),
  line: (options) => line('/x', { ...options, line: 'x' }),
  link: (options) => link('/x', '/y', options),
  mount: (options) => mount('/dev/x', '/x', { ...options, fstype: 'ext4' }),
  packages: (options) => packages(['some-package'], options),
  route: (options) => route('10.0.0.1', { ...options, device: 'eth0' }),
  service: (options) => service('x', { ...options, state: 'running' }),
  sysctl: (options) => sysctl('vm.swappiness', 1, options),
  systemdUnit: (options) => systemdUnit('x.service', '', options),
  user: (options) => user('x', options),
  waitUntil: ({ timeoutMs = 1_000, ...options }) =>
    waitUntil('x', { ...options, timeoutMs, probe: async () => true }),
}

test.each(Object.entries(all))('%s takes what every task may be told', async (_, make) => {
  const guard = async () => {
    throw new Refusal('not now')
  }
  const options: TaskOptions = {
    title: 'a title of the role',
    tags: ['some'],
    notice: 'told first',
    barrier: true,
    destroys: { what: 'x', proof: guard },
    disruptive: guard,
    timeoutMs: 7_000,
    onlyOn: 'elsewhere',
  }
  const { check, apply, timeoutMs, disruptive, packages: _names, foresee, ...rest } = make(options)
  const { timeoutMs: _limit, disruptive: _guard, ...same } = options
  // What waits by itself is given time to say what was missing; waitUntil has its own title.
  expect({ ...rest, title: same.title }).toEqual(same)
  expect(timeoutMs).toBeGreaterThanOrEqual(7_000)
  expect(disruptive).toBeTypeOf('function')
  expect(apply).toBeTypeOf('function')
  // This machine is called otherwise, and is not even asked.
  const host = here()
  expect(await check(host)).toBeUndefined()
  expect(await foresee?.(host, undefined, new Set(['/etc/x']))).toBeUndefined()
  expect(host.asked).toEqual([])
})

test('onlyOn is done on that host', () =>
  inDirectory(async (dir) => {
    const made = directory(join(dir, 'x'), { ...me, onlyOn: 'here' })
    expect(await made.check(here())).toMatchObject({ at: undefined })
  }))
