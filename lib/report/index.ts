import { masked } from '../core/secret.ts'
import { painter } from './colour.ts'
import { json } from './json.ts'
import { live } from './live/index.ts'
import { plain } from './plain.ts'
import { Profile } from './profile.ts'
import { profileLines } from './profile-lines.ts'
import type { Reporter, ReportOptions } from './reporter.ts'

export type { Output, Reporter, ReportOptions } from './reporter.ts'
export { duration } from './text.ts'

const makers = { listr: live, plain, json }

/** The ways a run can be shown. */
export type ReportKind = keyof typeof makers

/** Makes the reporter of that kind. */
export function reporter(kind: ReportKind, given: ReportOptions): Reporter {
  // Whatever a task put into its words: revealed secrets are masked by value.
  const stdout = { write: (text: string) => given.stdout.write(masked(text)) }
  const options = { ...given, stdout }
  const made = makers[kind](options)
  return options.profile ? profiled(made, kind, options) : made
}

/** The reporter that after its last word says where the time went. */
function profiled(inner: Reporter, kind: ReportKind, options: ReportOptions): Reporter {
  const { stdout, isTTY, columns, colour } = options
  const profile = new Profile(options.profile?.processStart)
  return {
    listener: (event) => {
      profile.add(event)
      inner.listener(event)
    },
    end: async () => {
      await inner.end()
      const times = profile.times()
      if (kind === 'json') {
        stdout.write(`${JSON.stringify({ type: 'profile', ...times })}\n`)
        return
      }
      const terminal = typeof columns === 'function' ? columns() : columns
      // What goes to a file is not cut.
      const width = isTTY ? terminal : Number.POSITIVE_INFINITY
      const lines = profileLines(times, painter(colour ?? isTTY), width)
      stdout.write(`\n${lines.join('\n')}\n`)
    },
  }
}
