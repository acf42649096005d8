import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

const run = promisify(execFile)

/** The commit of a checkout, with `-dirty` where files differ from it; undefined where Git knows none. */
export async function commitOf(root: string): Promise<string | undefined> {
  const words = ['-C', root, 'describe', '--always', '--dirty', '--abbrev=12', '--exclude', '*']
  const { stdout } = await run('git', words).catch(() => ({ stdout: '' }))
  return stdout.trim() || undefined
}
