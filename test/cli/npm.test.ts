import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { which } from '../ssh/shells.ts'

const start = fileURLToPath(new URL('../../lib/launch/start.cjs', import.meta.url))
let dir = ''

beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'tandem-npm-'))
  const node = `"${process.execPath}" ${start}`
  writeFileSync(
    join(dir, 'package.json'),
    JSON.stringify({ name: 'x', scripts: { play: `${node} play`, lab: `${node} lab` } }),
  )
})
afterAll(() => rmSync(dir, { recursive: true, force: true }))

/** Past the check, the command finds that the temporary folder has no playbooks. */
const past = 'Expected a folder'

interface Surroundings {
  readonly npmrc?: string
  readonly env?: Record<string, string>
}

/** What a really spawned `npm run` says on stderr, and how it ends. */
function npm(
  args: readonly string[],
  { npmrc = '', env = {} }: Surroundings = {},
  [program, words]: readonly [string, readonly string[]] = ['npm', ['run', ...args]],
) {
  const clean = Object.entries(process.env).filter(([key]) => !/^(npm|tandem)_/i.test(key))
  const userconfig = join(mkdtempSync(join(dir, 'user-')), '.npmrc')
  writeFileSync(userconfig, `update-notifier=false\n${npmrc}\n`)
  return new Promise<{ stderr: string; code: number }>((resolve) => {
    const options = {
      cwd: dir,
      // As an interactive shell has it.
      env: {
        ...Object.fromEntries(clean),
        _: which('npm'),
        HOME: dir,
        NPM_CONFIG_USERCONFIG: userconfig,
        ...env,
      },
    }
    execFile(program, [...words], options, (error, _stdout, stderr) =>
      resolve({ stderr, code: error ? Number(error.code) : 0 }),
    )
  })
}

const typed: readonly [args: string[], line: string][] = [
  [['play', 'site', '--check'], 'npm run play site -- --check'],
  [['play', '--check', 'site'], 'npm run play site -- --check'],
  [['play', 'site', '--diff'], 'npm run play site -- --diff'],
  [['play', '--diff', 'site'], 'npm run play site -- --diff'],
  [['play', 'site', '--diff', '--check'], 'npm run play site -- --diff --check'],
  [['play', 'site', '--limit', 'M2'], 'npm run play site -- --limit M2'],
  [['play', 'site', '--limit=nodes,!M1'], "npm run play site -- --limit 'nodes,!M1'"],
  [['play', 'site', '--tags', 'a,b'], 'npm run play site -- --tags a,b'],
  [['play', 'site', '--tag', 'a'], 'npm run play site -- --tags a'],
  [['play', 'site', '--skip-tags', 'a'], 'npm run play site -- --skip-tags a'],
  [['play', 'site', '--start-at', 'my task'], "npm run play site -- --start-at 'my task'"],
  [['play', 'site', '--list-tasks'], 'npm run play site -- --list-tasks'],
  [['play', 'site', '--list-hosts'], 'npm run play site -- --list-hosts'],
  [['play', 'site', '--list-tags'], 'npm run play site -- --list-tags'],
  [['play', 'site', '--forks', '5'], 'npm run play site -- --forks 5'],
  [['play', 'site', '--verbose'], 'npm run play site -- --verbose'],
  [['play', 'site', '--output', 'json'], 'npm run play site -- --output json'],
  [['play', 'site', '--json'], 'npm run play site -- --output json'],
  [['play', 'site', '--inventory', 'production'], 'npm run play site -- --inventory production'],
  [['play', 'site', '--install'], 'npm run play site -- --install'],
  [['play', 'site', '--no-check'], 'npm run play site -- --no-check'],
  [['play', 'site', '--no-diff'], 'npm run play site -- --no-diff'],
  [['play', 'site', '--chek'], 'npm run play site -- --check'],
  [['play', 'site', '--dry-run'], 'npm run play site -- --check'],
  [
    ['play', 'site', '--limit', 'M2', '--forks', '5', '--check'],
    'npm run play site -- --check --limit M2 --forks 5',
  ],
  [['play', 'site', '--check', '--', '--limit', 'M2'], 'npm run play site -- --check --limit M2'],
  [['lab', 'destroy', '--image'], 'npm run lab destroy -- --image'],
  [['lab', 'up', '--install'], 'npm run lab up -- --install'],
  [['lab', 'exec', 'M1', 'ls', '-l'], 'npm run lab exec M1 -- COMMAND'],
]

describe('an option that npm took for itself', () => {
  test.concurrent.for(typed)(
    'npm run %j is refused with the line to type',
    { timeout: 60_000 },
    async ([args, line]) => {
      const { stderr, code } = await npm(args)
      expect(stderr).toMatch(/npm took --\S+ .*for itself and nothing was run; type: /)
      expect(
        stderr
          .split('\n')
          .find((text) => text.includes('; type: '))
          ?.split('; type: ')[1],
      ).toBe(line)
      expect(code).toBe(1)
    },
  )
})

const dropped: readonly (readonly [args: string[], start: string])[] = [
  // npm says that these are wrong, and forgets them.
  [['play', 'site', '-C'], './tandem site …'],
  [['-s', 'play', 'site', '-C'], './tandem site …'],
  [['--silent', 'play', 'site', '-C'], './tandem site …'],
  [['play', 'site', '-e', 'preferred=M2'], './tandem site …'],
  [['play', 'site', '-e', 'x=1', '--', '--check'], './tandem site …'],
  [['play', 'site', '-k'], './tandem site …'],
  [['play', 'site', '-c'], './tandem site …'],
  [['play', 'drill', '--only', 'standby'], './tandem drill …'],
  // npm keeps something, and not all or not what was meant.
  [['play', 'drill', '--yes', '--only', 'standby'], './tandem drill …'],
  [['play', 'site', '-n'], './tandem site …'],
  [['play', 'site', '-l', 'M1'], './tandem site M1 …'],
  [['play', 'site', '-D'], './tandem site …'],
  [['play', 'site', '-f', '5'], './tandem site 5 …'],
  [['play', 'site', '--verb'], './tandem site …'],
  [['play', 'site', '--limit', 'M2', '--tags', 'a'], './tandem site M2 a …'],
  [['lab', 'destroy', '-C'], './tandem lab destroy …'],
]

describe.runIf(process.platform === 'linux')(
  'an option that npm dropped or took for another',
  () => {
    test.concurrent.for(dropped)(
      'npm run %j is refused, and no line is proposed that would mean something else',
      { timeout: 60_000 },
      async ([args, line]) => {
        const { stderr, code } = await npm(args)
        expect(stderr).toMatch(/npm took .* for itself and nothing was run; options come after --/)
        expect(stderr.split('without npm: ')[1]?.split('\n')[0]).toBe(line)
        expect(code).toBe(1)
      },
    )
  },
)

describe.runIf(process.platform === 'linux')('where no shell says as what npm was started', () => {
  const env = { _: '/usr/bin/other' }
  test.each([
    [['play', 'site', '-C'], 'an option such as -C'],
    [['play', '--', 'site'], 'or a -- with no option behind it'],
  ])('npm run %j is refused', { timeout: 60_000 }, async (args, words) => {
    const { stderr, code } = await npm(args, { env })
    expect(stderr).toContain(words)
    expect(code).toBe(1)
  })

  test.each([
    ['node, and npm by its path', process.execPath, [which('npm') ?? '', 'run', 'play', 'site']],
    ['a version manager', 'sh', ['-c', 'exec npm run play site # a long line, as of a shim']],
  ])('a run that %s has started goes on', { timeout: 60_000 }, async (_, program, args) => {
    expect((await npm([], { env }, [program, args])).stderr).toContain(past)
  })
})

const settings: readonly [title: string, args: string[], surroundings: Surroundings][] = [
  ['options behind --', ['play', 'site', '--', '--check', '--diff', '--verbose'], {}],
  ['loglevel in .npmrc', ['play', 'site'], { npmrc: 'loglevel=verbose' }],
  ['json, diff and tag in .npmrc', ['play', 'site'], { npmrc: 'json=true\ndiff[]=x\ntag = next' }],
  ['a key of ours in .npmrc', ['play', 'site'], { npmrc: 'check=true' }],
  ['NPM_CONFIG_LOGLEVEL', ['play', 'site'], { env: { NPM_CONFIG_LOGLEVEL: 'verbose' } }],
  ['npm run --silent', ['--silent', 'play', 'site'], {}],
  ['npm run -s', ['-s', 'play', 'site', '--', '--check'], {}],
  ['npm run --loglevel silent', ['--loglevel', 'silent', 'play', 'site'], {}],
  ['words with blanks and accents', ['play', 'a b ü'], {}],
  ['a word that npm hides in its title', ['play', '8a4f6c52-1b1b-4c4c-8d8d-0a0a0a0a0a0a'], {}],
  ['npm run --no-progress', ['--no-progress', 'play', 'site'], {}],
  ['npm run --progress=false in CI', ['--progress=false', 'play', 'site'], { env: { CI: 'true' } }],
  ['npm run --no-color', ['--no-color', 'play', 'site'], { env: { NO_COLOR: '1' } }],
  ['npm run --if-present', ['--if-present', 'play', 'site'], {}],
]

describe('a setting of npm', () => {
  test.concurrent.for(settings)(
    '%s is left alone',
    { timeout: 60_000 },
    async ([, args, surroundings]) => {
      expect((await npm(args, surroundings)).stderr).toContain(past)
    },
  )

  test('words behind -- that go to a machine are left alone', { timeout: 60_000 }, async () => {
    const { stderr } = await npm(['lab', 'exec', 'M1', '--', 'cat', '/etc/hosts'])
    expect(stderr).toContain('does not load')
    expect(stderr).not.toContain('npm took')
  })

  test.runIf(process.platform === 'linux')(
    'inherited from npm’s own environment is left alone, an option of ours is not',
    { timeout: 60_000 },
    async () => {
      const env = {
        npm_config_loglevel: 'verbose',
        npm_config_yes: 'true',
        npm_config_json: 'true',
      }
      expect((await npm(['play', 'site'], { env })).stderr).toContain(past)
      const outer = await npm(['play', 'site'], { env: { npm_config_check: 'true' } })
      expect(outer.stderr).toContain('npm run play site -- --check')
    },
  )
})
