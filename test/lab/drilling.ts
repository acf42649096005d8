import { spawn } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { DrillRow, Round } from '../../lib/drill/record/round-record.ts'

/** `npm run play drill --yes …` without npm: its exit code, what it told, and its files. */
export async function drill(...words: string[]) {
  const folder = await mkdtemp(join(tmpdir(), 'tandem-drill-'))
  const file = join(folder, 'drill.json')
  const argv = ['lib/launch/start.cjs', 'play', 'drill', '--yes', '--json', file, ...words]
  const child = spawn(process.execPath, argv, { stdio: ['ignore', 'pipe', 'pipe'] })
  let told = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      told += text
    })
  }
  const code = await new Promise((resolve) => child.on('close', resolve))
  const read = async (name: string) => JSON.parse(await readFile(name, 'utf8').catch(() => '[]'))
  const rows: DrillRow[] = await read(file)
  const rounds: Round[] = await read(`${file}.rounds.json`)
  await rm(folder, { recursive: true })
  return { code, told, rows, rounds }
}
