import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** Gives the tests and all they start a temporary folder of their own, and takes it away with what they left in it. */
export default function setup(): () => void {
  const folder = mkdtempSync(join(tmpdir(), 'tandem-test-'))
  process.env.TMPDIR = folder
  return () => rmSync(folder, { recursive: true, force: true })
}
