import { spawn } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { DrillRow, Round } from '../../lib/drill/types.ts'
import { lab, play, story } from './tandem.ts'

let folder = ''

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tandem-drill-'))
  const reset = await lab('reset', 'clean')
  expect(reset.code, reset.stderr).toBe(0)
  const site = await play(['site'])
  expect(site.code, story(site)).toBe(0)
})

afterAll(() => rm(folder, { recursive: true, force: true }))

async function drill(...words: string[]) {
  const file = join(folder, 'drill.json')
  const argv = ['lib/start/start.cjs', 'play', 'drill', '--yes', '--json', file, ...words]
  const child = spawn(process.execPath, argv, { stdio: ['ignore', 'pipe', 'pipe'] })
  let told = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      told += text
    })
  }
  const code = await new Promise((resolve) => child.on('close', resolve))
  const read = async (name: string) => JSON.parse(await readFile(name, 'utf8'))
  const rows: DrillRow[] = await read(file)
  const rounds: Round[] = await read(`${file}.rounds.json`)
  return { code, told, rows, rounds }
}

it('a planned move and a lost nfsd lose nothing, and what they took is known', async () => {
  const { code, told, rows, rounds } = await drill('--only', 'standby,nfsd')
  expect(code, told).toBe(0)
  expect(rows.map(({ drill: name }) => name)).toEqual(['standby', 'nfsd'])
  for (const row of rows) {
    expect(row.acknowledged, told).toBeGreaterThan(10)
    expect({ lost: row.lost, errors: row.clientErrors }).toEqual({ lost: 0, errors: 0 })
  }
  const move = rounds[0]?.phasesMs ?? {}
  for (const phase of ['detect', 'stop', 'promote', 'mount', 'nfsd', 'vip', 'reconnect'] as const) {
    expect(move[phase], `${phase}: ${told}`).toBeGreaterThanOrEqual(0)
  }
})
