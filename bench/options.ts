import type { Option } from '../lib/cli/common/option-table.ts'
import { lostBytes, npmSources } from '../lib/cli/npm/npm-sources.ts'
import { UsageError } from '../lib/core/errors.ts'

type Options = Readonly<Record<string, Option>>

/** The options as lines of a help text, in their order. */
export function optionLines(options: Options): string {
  const lines = Object.entries(options).map(([name, { value, about }]) => {
    const left = value === undefined ? `--${name}` : `--${name} ${value}`
    return `  ${left.padEnd(22)} ${about}`
  })
  return lines.join('\n')
}

/** Throws UsageError where npm took options for itself, as it does with all before a `--`. */
export function refuseTaken(script: string, options: Options, env: NodeJS.ProcessEnv): void {
  const taken = Object.keys(options).filter((name) => env[`npm_config_${name}`] !== undefined)
  // What npm finds wrong it drops: `--only standby` would begin all of it.
  const { typed } = npmSources(env)
  const lost = typed?.isSure ? lostBytes(typed, script, process.argv.slice(2)) : 0
  const isSilent = env.npm_config_loglevel === 'silent'
  if (taken.length === 0 && !isSilent && lost >= 2) {
    throw new UsageError(
      `npm took what was typed before -- for itself; write \`npm run ${script} -- --OPTION …\``,
    )
  }
  if (taken.length === 0) return
  throw new UsageError(
    `npm took --${taken.join(' and --')} for itself; write \`npm run ${script} -- --${taken[0]} …\``,
  )
}
