import { read } from '../lib/cli/common/args.ts'
import type { Option } from '../lib/cli/common/option-table.ts'
import { UsageError } from '../lib/core/errors.ts'
import { nearest } from '../lib/inventory/index.ts'
import { refuseTaken } from './options.ts'
import { mostHosts } from './places.ts'

export const benchOptions = {
  hosts: { kind: 'words', value: 'N,…', about: 'how many hosts, one after the other' },
  rounds: { kind: 'count', value: 'N', about: 'rounds; each runs every contender once' },
  quiet: {
    kind: 'count',
    value: 'S',
    about: 'wait up to S seconds for a quiet machine before a run',
  },
  rtt: { kind: 'words', value: 'MS,…', about: 'round trip times to the hosts' },
  json: { kind: 'text', value: 'FILE', about: 'also write one JSON object a row' },
  peers: { kind: 'text', value: 'DIR', about: "run Ansible too; DIR has the work's site.yml" },
  contenders: { kind: 'words', value: 'NAME,…', about: 'only these' },
  help: { kind: 'flag', about: 'this text' },
} as const satisfies Record<string, Option>

/** What `npm run bench` is to do. */
export type BenchArgs =
  | { readonly verb: 'help' }
  | { readonly verb: 'down' }
  | { readonly verb: 'up'; readonly hosts: number }
  | {
      readonly verb: 'run'
      readonly hosts: readonly number[]
      readonly rounds: number
      readonly quiet: number
      readonly rtts: readonly number[]
      readonly json?: string
      readonly peers?: string
      readonly contenders?: readonly string[]
    }

/** Reads the command line; throws UsageError in one sentence. */
export function readBench(argv: readonly string[], env: NodeJS.ProcessEnv = {}): BenchArgs {
  refuseTaken('bench', benchOptions, env)
  const { words, flag, text, list } = read(argv, benchOptions)
  if (flag('help')) return { verb: 'help' }
  const [verb, ...rest] = words
  if (verb === 'down' && rest.length === 0) return { verb }
  if (verb === 'up' && rest.length === 1) {
    return { verb, hosts: whole('a number of hosts after up', rest[0] ?? '', 1, mostHosts) }
  }
  if (verb !== undefined) {
    const guess = nearest(verb, ['up', 'down'])
    const hint = guess && guess !== verb ? `; did you mean ${guess}?` : ''
    throw new UsageError(
      `Expected options, \`up N\` or \`down\`, got \`${words.join(' ')}\`${hint}`,
    )
  }
  const json = text('json')
  const peers = text('peers')
  const contenders = list('contenders')
  return {
    verb: 'run',
    hosts: numbers('hosts', list('hosts'), 1, mostHosts) ?? [1, 2, 10, 50],
    rounds: Number(text('rounds') ?? 3),
    quiet: Number(text('quiet') ?? 0),
    rtts: numbers('rtt', list('rtt'), 0, 10_000) ?? [0, 20, 100],
    ...(json !== undefined && { json }),
    ...(peers !== undefined && { peers }),
    ...(contenders && { contenders }),
  }
}

function numbers(
  option: string,
  given: readonly string[] | undefined,
  least: number,
  most: number,
) {
  if (!given) return undefined
  return [...new Set(given.map((word) => whole(`--${option} to be integers`, word, least, most)))]
}

function whole(what: string, word: string, least: number, most: number): number {
  const value = Number(word)
  if (/^\d{1,6}$/.test(word) && value >= least && value <= most) return value
  const comma = what.startsWith('--') ? ', with commas between' : ''
  throw new UsageError(`Expected ${what} ${least}–${most}${comma}, got \`${word}\``)
}
