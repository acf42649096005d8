import { given, read } from '../lib/cli/common/args.ts'
import type { Option } from '../lib/cli/common/option-table.ts'
import { chosenDrills } from '../lib/cli/drill/drill-args.ts'
import { drillOptions } from '../lib/cli/drill/drill-options.ts'
import { UsageError } from '../lib/core/errors.ts'
import { drills } from '../playbooks/drills/index.ts'
import { refuseTaken } from './options.ts'

export const failoverOptions = {
  only: { kind: 'words', value: 'DRILL,…', about: "drills of Tandem's recipe (default all)" },
  compare: {
    kind: 'words',
    value: 'DRILL,…',
    about: "drills of the article's recipe too (default standby,power-off)",
  },
  rounds: { kind: 'count', value: 'N', about: 'how often each (default 3)' },
  json: { ...drillOptions.json, about: 'write a row a drill, and FILE.rounds.json' },
  html: drillOptions.html,
  help: drillOptions.help,
} as const satisfies Record<string, Option>

/** What `npm run bench:failover` is to do. */
export type FailoverArgs =
  | { readonly verb: 'help' }
  | {
      readonly verb: 'run'
      /** Names of drills of Tandem's recipe, in the usual order. */
      readonly ours: readonly string[]
      /** Names of drills of the article's recipe, in the usual order. */
      readonly theirs: readonly string[]
      readonly rounds: number
      readonly json?: string
      readonly html?: string
    }

/** Reads the command line; throws UsageError in one sentence. */
export function readFailover(argv: readonly string[], env: NodeJS.ProcessEnv = {}): FailoverArgs {
  refuseTaken('bench:failover', failoverOptions, env)
  const { words, flag, text, list } = read(argv, failoverOptions)
  if (flag('help')) return { verb: 'help' }
  if (words[0] !== undefined) throw new UsageError(`Expected only options, got \`${words[0]}\``)
  const names = (only?: readonly string[]) => chosenDrills(drills, only).map(({ name }) => name)
  return {
    verb: 'run',
    ours: names(list('only')),
    theirs: names(list('compare') ?? ['standby', 'power-off']),
    rounds: Number(text('rounds') ?? 3),
    ...given('json', text('json')),
    ...given('html', text('html')),
  }
}
