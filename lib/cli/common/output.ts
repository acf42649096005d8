import type { ReportKind, ReportOptions } from '../../report/index.ts'
import type { PlayArgs } from './args.ts'
import type { Context } from './context.ts'

/** How a run is shown: as asked, else a live tree on a person's terminal and lines elsewhere. */
export function chosenOutput(
  args: PlayArgs,
  { stdout, env }: Context,
): { kind: ReportKind; options: ReportOptions; note?: string } {
  const isTTY = stdout.isTTY === true
  const live = isTTY && env.TERM !== 'dumb'
  const options: ReportOptions = {
    stdout,
    columns: () => stdout.columns || 80,
    rows: () => stdout.rows || 24,
    isTTY,
    colour: live && !env.NO_COLOR,
    diff: args.diff,
    verbose: args.verbose,
    ...(args.profile && { profile: { processStart: performance.timeOrigin } }),
  }
  if (args.output === 'listr' && !live) {
    // Said on stderr, so that what was redirected holds the report alone.
    return { kind: 'plain', options, note: 'The output is not a terminal: plain instead of listr' }
  }
  const usual = live && !env.CI ? 'listr' : 'plain'
  return { kind: args.output ?? usual, options }
}
