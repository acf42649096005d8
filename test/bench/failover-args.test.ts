import { describe, expect, test } from 'vitest'
import { readFailover } from '../../bench/failover-args.ts'
import { exitCodeOf } from '../../lib/core/errors.ts'
import { drills } from '../../playbooks/drills/index.ts'

function refusal(words: string, env?: NodeJS.ProcessEnv): unknown {
  try {
    return readFailover(words.split(' ').filter(Boolean), env)
  } catch (error) {
    return { sentence: (error as Error).message, code: exitCodeOf(error) }
  }
}

describe('npm run bench:failover', () => {
  test("drills all of Tandem's recipe and two of the article's by default", () => {
    expect(readFailover([])).toEqual({
      verb: 'run',
      ours: drills.map(({ name }) => name),
      theirs: ['standby', 'power-off'],
      rounds: 3,
    })
  })

  test('takes what it is told, and drills in the usual order', () => {
    const words = '--only power-off,standby --compare em1 --rounds 5 --json f.json --html f.html'
    expect(readFailover(words.split(' '))).toEqual({
      ...{ verb: 'run', ours: ['standby', 'power-off'], theirs: ['em1'], rounds: 5 },
      ...{ json: 'f.json', html: 'f.html' },
    })
  })

  test('helps whatever else it is told', () => {
    expect(readFailover(['--help', '--only', 'nothing'])).toEqual({ verb: 'help' })
  })

  const names = drills.map(({ name }) => name).join(', ')
  test.each([
    ['power-off', 'Expected only options, got `power-off`'],
    [
      '--only poweroff',
      `Unknown drill \`poweroff\`, did you mean \`power-off\`? There are: ${names}`,
    ],
    ['--compare stanby', `Unknown drill \`stanby\`, did you mean \`standby\`? There are: ${names}`],
    ['--only zzzzzzzz', `Unknown drill \`zzzzzzzz\`; there are: ${names}`],
    ['--only', 'Expected DRILL,… after --only, got nothing'],
    ['--rounds 0', 'Expected --rounds to be an integer 1–9999, got `0`'],
  ])('%s: one sentence and exit code 1', (words, sentence) => {
    expect(refusal(words)).toEqual({ sentence, code: 1 })
  })

  test('says so when npm has taken options for itself', () => {
    expect(refusal('2', { npm_config_rounds: 'true' })).toEqual({
      sentence: 'npm took --rounds for itself; write `npm run bench:failover -- --rounds …`',
      code: 1,
    })
    expect(refusal('', { npm_config_json: 'true', npm_config_compare: 'em1' })).toEqual({
      sentence:
        'npm took --compare and --json for itself; write `npm run bench:failover -- --compare …`',
      code: 1,
    })
  })
})
