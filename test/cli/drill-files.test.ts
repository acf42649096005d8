import { mkdir, mkdtemp, readdir, readFile, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeEach, describe, expect, it } from 'vitest'
import { $ } from 'zx'
import { commitOf } from '../../lib/cli/drill/commit.ts'
import { canWrite, earlier, keep, numbered } from '../../lib/cli/drill/drill-files.ts'
import type { Round } from '../../lib/drill/record/round-record.ts'

let folder: string
let json: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tandem-drill-files-'))
  json = join(folder, 'drills.json')
})

const stalls = { newFile: 1, openFile: 1, read: 1, lock: 1 }
const round = (drill: string, commit = 'abc'): Round => ({
  drill,
  round: 1,
  recipe: 'tandem',
  active: 'M1',
  commit,
  compared: true,
  problems: [],
  verdict: { acknowledged: 5, lost: [], indeterminate: 0, clientErrors: [] },
  stalls,
  phasesMs: {},
  timeline: { from: 0, to: 1, lanes: [], marks: [], acknowledged: {} },
})
const meta = { title: 'drills', at: 0, phases: [], facts: {} }

describe('files for a drill', () => {
  it('are tried before it begins, and none is left behind where it does not', async () => {
    const html = join(folder, 'drills.html')
    await canWrite({ json, html })
    expect(await readdir(folder)).toEqual([])
    await writeFile(html, 'old')
    await canWrite({ json, html })
    expect(await readFile(html, 'utf8')).toBe('old')
  })

  it('are two, in folders that are there, and no folders', async () => {
    await expect(canWrite({ json, html: `${folder}/./drills.json` })).rejects.toThrow(
      'Expected two files for --json and --html',
    )
    const nowhere = join(folder, 'no', 'drills.json')
    await expect(canWrite({ json: nowhere })).rejects.toThrow(
      `Expected a file that can be written, got ${nowhere} (ENOENT)`,
    )
    await expect(canWrite({ html: folder })).rejects.toThrow('(EISDIR)')
    await mkdir(`${json}.rounds.json`)
    await expect(canWrite({ json })).rejects.toThrow('drills.json.rounds.json (EISDIR)')
  })
})

describe('--json', () => {
  it('begins with nothing where there is no file', async () => {
    expect(await earlier({ json }, 'abc')).toEqual([])
    expect(await earlier({}, 'abc')).toEqual([])
  })

  it('adds to the rounds of earlier runs, and numbers them anew', async () => {
    await keep([round('standby'), round('em3')], { json }, meta)
    const before = await earlier({ json }, 'abc')
    await keep(numbered([...before, round('standby')]), { json }, meta)
    const rows = JSON.parse(await readFile(json, 'utf8'))
    expect(rows).toMatchObject([
      { drill: 'standby', rounds: 2, acknowledged: 10, compared: 2, commits: ['abc'] },
      { drill: 'em3', rounds: 1 },
    ])
    const rounds = await earlier({ json }, 'abc')
    expect(rounds.map((one) => [one.drill, one.round])).toEqual([
      ['standby', 1],
      ['em3', 1],
      ['standby', 2],
    ])
    expect((await readdir(folder)).sort()).toEqual(['drills.json', 'drills.json.rounds.json'])
  })

  it('refuses rounds of another commit, and leaves them alone', async () => {
    await keep([round('standby')], { json }, meta)
    await expect(earlier({ json }, 'def-dirty')).rejects.toThrow(
      `${json}.rounds.json has rounds of abc, and this is def-dirty: name another file`,
    )
    await expect(earlier({ json }, undefined)).rejects.toThrow(
      'has rounds of abc, and this is no known commit',
    )
    expect(await earlier({ json }, 'abc')).toHaveLength(1)
  })

  it.each(['', '{"drill":"standby"}', '[{"drill":5}]', 'rounds'])(
    'refuses a file that holds something else: %s',
    async (text) => {
      await writeFile(`${json}.rounds.json`, text)
      await expect(earlier({ json }, 'abc')).rejects.toThrow(
        `Expected rounds of drills in ${json}.rounds.json, got something else: name another file`,
      )
      expect(await readFile(`${json}.rounds.json`, 'utf8')).toBe(text)
    },
  )
})

describe('the commit', () => {
  it('is known in a checkout, with a word where files differ from it', async () => {
    const checkout = join(folder, 'checkout')
    await mkdir(checkout)
    expect(await commitOf(checkout)).toBeUndefined()
    const git = $({ cwd: checkout, quiet: true })
    await git`git init -q && git config user.name t && git config user.email t@example.com`
    await writeFile(join(checkout, 'a'), 'a')
    await git`git add a && git commit -qm a`
    expect(await commitOf(checkout)).toMatch(/^[0-9a-f]{12}$/)
    await writeFile(join(checkout, 'a'), 'b')
    expect(await commitOf(checkout)).toMatch(/^[0-9a-f]{12}-dirty$/)
  })
})
