import { access, constants, open, readFile, rename, writeFile } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { z } from 'zod'
import { UsageError } from '../../core/errors.ts'
import { rowsOf } from '../../drill/record/drill-rows.ts'
import type { Round } from '../../drill/record/round-record.ts'
import { type ReportMeta, renderReport } from '../../drill/report/html.ts'

/** Files for what drills find out, where they were asked for. */
export interface DrillFiles {
  readonly json?: string | undefined
  readonly html?: string | undefined
}

/** Throws UsageError where one of them cannot be written; makes none, and leaves what is there as it is. */
export async function canWrite({ json, html }: DrillFiles): Promise<void> {
  if (json !== undefined && html !== undefined && resolve(json) === resolve(html)) {
    throw new UsageError(`Expected two files for --json and --html, got ${json} for both`)
  }
  const files = [json, json && roundsFile(json), html]
  for (const file of files.filter((one) => one !== undefined)) {
    try {
      // Opened as it will be, where it is there; where it is not, its folder must take a new file.
      const handle = await open(file, 'r+').catch((error: NodeJS.ErrnoException) => {
        if (error.code !== 'ENOENT') throw error
      })
      if (handle) await handle.close()
      else await access(dirname(resolve(file)), constants.W_OK)
    } catch (error) {
      const { code = 'unknown' } = error as NodeJS.ErrnoException
      throw new UsageError(`Expected a file that can be written, got ${file} (${code})`, {
        cause: error,
      })
    }
  }
}

/** The list of rounds that stands beside the rows. */
const roundsFile = (json: string) => `${json}.rounds.json`

const known = z.looseObject({
  drill: z.string(),
  recipe: z.string(),
  commit: z.string().optional(),
})

/**
 * The rounds that are in `--json FILE` already; none where there is no such file. Throws UsageError where it
 * holds something else, or rounds of another commit: figures of two versions say nothing of either.
 */
export async function earlier(
  { json }: DrillFiles,
  commit: string | undefined,
): Promise<readonly Round[]> {
  if (json === undefined) return []
  const file = roundsFile(json)
  let text: string
  try {
    text = await readFile(file, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw error
  }
  const found = z.array(known).safeParse(parsed(text))
  if (!found.success) {
    throw new UsageError(
      `Expected rounds of drills in ${file}, got something else: name another file`,
    )
  }
  const other = found.data.find((round) => round.commit !== commit)
  if (other) {
    const of = (name: string | undefined) => (name === undefined ? 'no known commit' : name)
    throw new UsageError(
      `${file} has rounds of ${of(other.commit)}, and this is ${of(commit)}: name another file`,
    )
  }
  return found.data as unknown as Round[]
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** Rounds of several runs, numbered anew: each run begins with 1. */
export function numbered(rounds: readonly Round[]): Round[] {
  const counts = new Map<string, number>()
  return rounds.map((round) => {
    const key = `${round.recipe} ${round.drill}`
    const count = (counts.get(key) ?? 0) + 1
    counts.set(key, count)
    return { ...round, round: count }
  })
}

/** Writes what is known so far to the files that were asked for. */
export async function keep(
  rounds: readonly Round[],
  { json, html }: DrillFiles,
  meta: ReportMeta,
): Promise<void> {
  if (json !== undefined) {
    await writeFile(json, `${JSON.stringify(rowsOf(rounds, meta.phases), undefined, 2)}\n`)
    // In one piece: a run that is killed meanwhile must not take hours of earlier rounds with it.
    await inOnePiece(roundsFile(json), `${JSON.stringify(rounds)}\n`)
  }
  if (html !== undefined) await writeFile(html, renderReport(rounds, meta))
}

async function inOnePiece(file: string, text: string): Promise<void> {
  await writeFile(`${file}.new`, text)
  await rename(`${file}.new`, file)
}
