import { masked } from '../secret.ts'
import { json } from './json.ts'
import { live } from './live/index.ts'
import { plain } from './plain.ts'
import type { Reporter, ReportOptions } from './reporter.ts'

export type { Output, Reporter, ReportOptions } from './reporter.ts'
export { duration } from './text.ts'

/** The ways a run can be shown. */
export type ReportKind = 'listr' | 'plain' | 'json'

/** Makes the reporter of that kind. */
export function reporter(kind: ReportKind, given: ReportOptions): Reporter {
  // Whatever a task put into its words: revealed secrets are masked by value.
  const stdout = { write: (text: string) => given.stdout.write(masked(text)) }
  const options = { ...given, stdout }
  switch (kind) {
    case 'json':
      return json(options)
    case 'plain':
      return plain(options)
    case 'listr':
      return live(options)
  }
}
