import { describe, expect, test } from 'vitest'
import { readPlay } from '../../lib/cli/common/args.ts'
import { UsageError } from '../../lib/core/errors.ts'

describe('options of play', () => {
  test('are read', () => {
    const line = 'site --check --diff --limit M2,nodes --limit C1 --forks=7 --output json --verbose'
    expect(readPlay(line.split(' '))).toEqual({
      words: ['site'],
      parameters: {},
      check: true,
      diff: true,
      limit: ['M2', 'nodes', 'C1'],
      forks: 7,
      output: 'json',
      verbose: true,
      profile: false,
      askBecomePass: false,
      install: false,
      help: false,
    })
  })

  test('keep words as they are typed', () => {
    expect(readPlay(['007', '--tags', '1.0', '--start-at=-- 5 --'])).toMatchObject({
      words: ['007'],
      tags: ['1.0'],
      startAt: '-- 5 --',
    })
  })

  test('have one letter where Ansible has it', () => {
    const line = 'site -CDvvv -l M2,nodes -l C1 -t a -f 7 -K -u admin -i production'
    const long =
      'site --check --diff --verbose --limit M2,nodes --limit C1 --tags a --forks 7 --ask-become-pass --user admin'
    expect(readPlay(line.split(' '))).toEqual(
      readPlay([...long.split(' '), '--inventory', 'production']),
    )
    expect(readPlay(['site', '-C'])).toMatchObject({ check: true })
  })

  test('can be taken back', () => {
    expect(readPlay(['site', '--no-diff', '--check=false'])).toMatchObject({
      diff: false,
      check: false,
    })
  })

  test.for([
    ['--check=yes', 'Expected --check without a value, got `yes`'],
    ['-check=yes', 'Expected --check without a value, got `yes`'],
    ['-C=no', 'Expected --check without a value, got `no`'],
    ['-vC=false', 'Expected --verbose without a value, got `false`'],
    ['-l', 'Expected HOSTS after --limit, got nothing'],
    ['-k', 'Unknown option -k'],
    ['-u', 'Expected USER after --user, got nothing'],
    ['-Ck', 'Unknown option --Ck'],
    ['--forks 0', 'Expected --forks to be an integer 1–9999, got `0`'],
    ['--forks 1 --forks 2', 'Expected one value for --forks (N), got `1` and `2`'],
    ['--limit', 'Expected HOSTS after --limit, got nothing'],
    ['--limit --check', 'Expected HOSTS after --limit, got nothing'],
    ['--limit=', 'Expected one value for --limit (HOSTS), got ``'],
    ['--no-limit', 'Expected one value for --limit (HOSTS), got `false`'],
    ['--output jsn', 'Expected --output to be one of listr, plain, json, got `jsn`'],
    ['--list-tags --list-hosts', 'Expected one of --list-tasks, --list-hosts, --list-tags, got 2'],
    ['--listtasks', 'Unknown option --listtasks, did you mean --list-tasks?'],
    ['-c', 'Unknown option -c'],
    ['--skip.tags x', 'Unknown option --skip.tags, did you mean --skip-tags?'],
  ] as const)('%s is refused', ([line, sentence]) => {
    const refused = () => readPlay(['site', ...line.split(' ')])
    expect(refused).toThrow(UsageError)
    expect(refused).toThrow(sentence)
  })
})
