import { describe, expect, test } from 'vitest'
import { readBench } from '../../bench/args.ts'

describe('npm run bench', () => {
  test('measures four sizes at three distances by default', () => {
    const wanted = { verb: 'run', hosts: [1, 2, 10, 50], rounds: 3, quiet: 0, rtts: [0, 20, 100] }
    expect(readBench([])).toEqual(wanted)
  })

  test('takes what it is told', () => {
    const words =
      '--hosts 2,10,2 --rounds 5 --quiet 60 --rtt 0 --json out.jsonl --peers p --contenders shell'
    expect(readBench(words.split(' '))).toEqual({
      ...{ verb: 'run', hosts: [2, 10], rounds: 5, quiet: 60, rtts: [0] },
      ...{ json: 'out.jsonl', peers: 'p', contenders: ['shell'] },
    })
  })

  test('brings hosts up and down', () => {
    expect(readBench(['up', '2'])).toEqual({ verb: 'up', hosts: 2 })
    expect(readBench(['up', '750'])).toEqual({ verb: 'up', hosts: 750 })
    expect(readBench(['down'])).toEqual({ verb: 'down' })
  })

  test.each([
    ['--hosts 0', 'Expected --hosts to be integers 1–750, with commas between, got `0`'],
    ['--hosts 751', 'Expected --hosts to be integers 1–750, with commas between, got `751`'],
    ['--hosts 1,,2', 'Expected --hosts to be integers 1–750, with commas between, got ``'],
    ['--rtt fast', 'Expected --rtt to be integers 0–10000, with commas between, got `fast`'],
    ['--rounds 0', 'Expected --rounds to be an integer 1–9999, got `0`'],
    ['--round 3', 'Unknown option --round, did you mean --rounds?'],
    ['up', 'Expected options, `up N` or `down`, got `up`'],
    ['dwon', 'Expected options, `up N` or `down`, got `dwon`; did you mean down?'],
    ['up 751', 'Expected a number of hosts after up 1–750, got `751`'],
    ['up many', 'Expected a number of hosts after up 1–750, got `many`'],
    ['2', 'Expected options, `up N` or `down`, got `2`'],
  ])('%s: one sentence', (words, sentence) => {
    expect(() => readBench(words.split(' '))).toThrow(sentence)
  })

  test('says so when npm has taken an option for itself', () => {
    expect(() => readBench(['2'], { npm_config_hosts: 'true' })).toThrow(
      'npm took --hosts for itself; write `npm run bench -- --hosts …`',
    )
  })
})
