import { open, writeFile } from 'node:fs/promises'
import { type ReportMeta, renderReport } from '../drill/report/html.ts'
import { rowsOf } from '../drill/report/rows.ts'
import type { Round } from '../drill/types.ts'
import { UsageError } from '../errors.ts'

/** Files for what drills find out, where they were asked for. */
export interface DrillFiles {
  readonly json?: string | undefined
  readonly html?: string | undefined
}

/** Throws UsageError where one of them cannot be written; what is there stays as it is. */
export async function canWrite({ json, html }: DrillFiles): Promise<void> {
  for (const file of [json, html]) {
    if (file === undefined) continue
    try {
      await (await open(file, 'a')).close()
    } catch (error) {
      const { code = 'unknown' } = error as NodeJS.ErrnoException
      throw new UsageError(`Expected a file that can be written, got ${file} (${code})`, {
        cause: error,
      })
    }
  }
}

/** Writes what is known so far to the files that were asked for. */
export async function keep(
  rounds: readonly Round[],
  { json, html }: DrillFiles,
  meta: ReportMeta,
): Promise<void> {
  if (json !== undefined) {
    await writeFile(json, `${JSON.stringify(rowsOf(rounds), undefined, 2)}\n`)
    await writeFile(`${json}.rounds.json`, `${JSON.stringify(rounds)}\n`)
  }
  if (html !== undefined) await writeFile(html, renderReport(rounds, meta))
}
