import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import production from '../../inventory/production.ts'
import { swallowed } from '../../lib/cli/npm/npm-swallowed.ts'
import {
  allParameters,
  type Given,
  optionsWith,
  withParameters,
} from '../../lib/cli/playbooks/parameters.ts'
import recover from '../../playbooks/recover-split-brain.ts'
import site from '../../playbooks/site.ts'
import verify from '../../playbooks/verify.ts'
import { tandem } from './spawn.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
const known = () => allParameters(`${root}/playbooks`)
const given = (playbook: unknown, values: Given) =>
  withParameters(playbook as never, production as never, values, known)

describe('a host', () => {
  it('reaches the roles, and nothing else', async () => {
    const { vars } = await given(recover, { victim: 'M2' })
    expect(vars).toEqual({ ...production.vars, victim: 'M2' })
    expect(await given(site, {})).toBe(production)
  })

  it.each([
    [recover, {}, /^Expected --victim with the node whose .* one of M1, M2; got none$/],
    [recover, { victim: 'M3' }, /^Unknown host `M3`; there are: M1, M2$/],
    [site, { victim: 'M2' }, /^site takes no --victim: only recover-split-brain and resync do$/],
  ])('is refused (%#)', async (playbook, values, text) => {
    await expect(given(playbook, values)).rejects.toThrow(text)
  })
})

it('is refused where a variable of the inventory is called so', async () => {
  const playbook = { ...site, parameters: { drbd: { kind: 'host', about: 'x' } } }
  await expect(given(playbook, {})).rejects.toThrow(
    'playbooks/site.ts: expected a parameter with a name of its own, got `drbd`, which is a variable of inventory production',
  )
})

describe('devices', () => {
  it('reach the roles as a list, a host and a device each', async () => {
    const overwrite = ['M1:/dev/sdb', 'M2:/dev/sdb']
    expect((await given(site, { overwrite })).vars).toMatchObject({ overwrite })
  })

  it.each([
    ['/dev/sdb', 'Expected --overwrite HOST:DEVICE, such as M1:/dev/sdb, got `/dev/sdb`'],
    ['M2', 'Expected --overwrite HOST:DEVICE, such as M1:/dev/sdb, got `M2`'],
    ['M2:sdb', 'Expected --overwrite HOST:DEVICE, such as M1:/dev/sdb, got `M2:sdb`'],
    ['M3:/dev/sdb', 'Unknown host `M3`'],
  ])('%s is refused', async (word, text) => {
    await expect(given(site, { overwrite: [word] })).rejects.toThrow(text)
  })

  it('are nothing for a playbook that makes no disk', async () => {
    await expect(given(verify, { overwrite: ['M2:/dev/sdb'] })).rejects.toThrow(
      'verify takes no --overwrite: only site does',
    )
  })
})

describe('of all playbooks', () => {
  it.each([
    [
      { limit: 'host' },
      {},
      /^playbooks\/a\.ts: expected a parameter that is no option of play, got limit$/,
    ],
    [
      { disk: 'host' },
      { disk: 'devices' },
      /^playbooks\/b\.ts: expected the parameter disk to be of kind host, as for a, got devices$/,
    ],
  ])('two of one name are refused (%#)', async (one, two, text) => {
    const dir = await mkdtemp(join(tmpdir(), 'tandem-parameters-'))
    for (const [name, kinds] of [
      ['a', one],
      ['b', two],
    ] as const) {
      const parameters = Object.fromEntries(
        Object.entries(kinds).map(([key, kind]) => [key, { kind, about: '' }]),
      )
      const text = JSON.stringify({ name, description: '', plays: [], parameters })
      await writeFile(join(dir, `${name}.ts`), `export default ${text}\n`)
    }
    await expect(allParameters(dir)).rejects.toThrow(text)
    await rm(dir, { recursive: true })
  })
})

describe('on the command line', () => {
  const asked = (words: string[], env = {}) => tandem(['play', ...words], env, undefined, root)

  it('they stand where other options do, and in the help', async () => {
    const { stderr, code } = await asked(['--victim', 'M2', 'site'])
    expect(stderr).toBe('site takes no --victim: only recover-split-brain and resync do\n')
    expect(code).toBe(1)
    for (const word of ['--victim=M2', '-victim=M2']) {
      const listed = await asked(['recover-split-brain', word, '--list-hosts'])
      expect(listed.code, listed.stderr).toBe(0)
    }
    const { stdout } = await asked(['--help'])
    expect(stdout).toMatch(/--victim +HOST: recover-split-brain, resync:/)
    expect(stdout).toMatch(/--overwrite +HOST:DEVICE: site:/)
  })

  it('one that no playbook has is an unknown option, with those that are near', async () => {
    const { stderr, code } = await asked(['resync', '--victims', 'M2'])
    expect(stderr).toMatch(/^Unknown option --victims, did you mean --victim\? There are: /)
    expect(code).toBe(1)
  })

  it.each([
    ['M2', 'M2'],
    ['-- --check', '--check'],
  ])('a second word is never lost: confirm-off M1 %s', async (typed, word) => {
    // Listed only: where the word were lost, nothing must come of it.
    const words = ['confirm-off', 'M1', '--list-hosts', ...typed.split(' ')]
    const { stderr, stdout, code } = await asked(words)
    expect(stderr).toBe(`Expected one host behind confirm-off, got \`M1\` and \`${word}\`\n`)
    expect(stdout).toBe('')
    expect(code).toBe(1)
  })

  it('a playbook that does not load is told, and not its own option', async () => {
    const { stderr, code } = await tandem(['play', 'broken', '--overwrite', 'M2:/dev/sdb'])
    expect(stderr).toMatch(/^playbooks\/broken\.ts does not load: nobody can load this \(/)
    expect(code).toBe(1)
  })

  it('what an outer npm took is noticed too', async () => {
    const env = { npm_lifecycle_event: 'play', npm_config_overwrite: 'M2:/dev/sdb' }
    const sources = { npmrc: [], inherited: env }
    const options = async () => optionsWith(await known())
    expect(await swallowed('play', ['site'], env, sources, options)).toContain(
      'type: npm run play site -- --overwrite M2:/dev/sdb',
    )
  })

  it('what npm took is typed anew', async () => {
    const { stderr, code } = await asked(['resync', 'M2'], {
      npm_lifecycle_event: 'play',
      npm_config_victim: 'true',
    })
    expect(stderr).toContain('type: npm run play resync -- --victim M2')
    expect(code).toBe(1)
  })
})
