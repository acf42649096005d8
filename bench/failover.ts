import { spawn } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import lab from '../inventory/lab.ts'
import { topology } from '../inventory/topology.ts'
import { canWrite, keep } from '../lib/cli/drill/drill-files.ts'
import { exitCodeOf, exitCodes, sentence } from '../lib/core/errors.ts'
import { failed, rowsOf } from '../lib/drill/record/drill-rows.ts'
import type { Round } from '../lib/drill/record/round-record.ts'
import type { ReportMeta } from '../lib/drill/report/html.ts'
import { tableText } from '../lib/drill/text-table.ts'
import { labPaths, readLab } from '../lib/lab/index.ts'
import { phases } from '../playbooks/drills/pair/phases.ts'
import { besideText } from './beside.ts'
import { failoverOptions, readFailover } from './failover-args.ts'
import { optionLines } from './options.ts'

const root = resolve(import.meta.dirname, '..')
/** The article's recipe: playbooks, roles and an inventory of its own. */
const article = join(import.meta.dirname, 'article')
const help = `npm run bench:failover [-- OPTIONS]   both recipes, drilled in one run of the lab

${optionLines(failoverOptions)}
`
const say = (text: string) => process.stderr.write(`${text}\n`)

/** Runs one of our own commands in a folder as an administrator would; resolves with its exit code. */
function command(folder: string, ...words: readonly string[]): Promise<number> {
  say(`== npm run ${words.join(' ')}`)
  const child = spawn(process.execPath, [join(root, 'lib/launch/start.cjs'), ...words], {
    cwd: folder,
    stdio: ['ignore', 'inherit', 'inherit'],
  })
  return new Promise((done, reject) => {
    child.once('error', reject)
    child.once('close', (code) => done(code ?? exitCodes.failed))
  })
}

async function must(folder: string, ...words: readonly string[]): Promise<void> {
  const code = await command(folder, ...words)
  if (code !== 0) throw new Error(`npm run ${words.join(' ')} ended with exit code ${code}`)
}

/** Rounds that were drilled, numbered from `first`; none where it could not begin. */
async function drilled(
  place: string,
  folder: string,
  first: number,
  words: readonly string[],
): Promise<Round[]> {
  const json = join(folder, `${Date.now()}.json`)
  await command(place, 'play', 'drill', '--yes', '--json', json, ...words)
  const text = await readFile(`${json}.rounds.json`, 'utf8').catch(() => '[]')
  const rounds = JSON.parse(text) as Round[]
  return rounds.map((round, at) => ({ ...round, round: first + at }))
}

/** What the figures depend on, told in the report. */
function factsOf(rounds: number): ReportMeta['facts'] {
  const facts = readLab({ ...labPaths(process.env), topology })
  if (facts === undefined) return { rounds }
  const { heartbeat, nfs } = lab.embeddedLab(facts).vars
  const deadtime = `${heartbeat.deadtime} s`
  return { rounds, acceleration: facts.acceleration, deadtime, profile: nfs.profile }
}

async function main(argv: readonly string[]): Promise<number> {
  const args = readFailover(argv, process.env)
  if (args.verb === 'help') {
    process.stdout.write(help)
    return exitCodes.converged
  }
  const { ours, theirs, rounds: count, json, html } = args
  const files = { json, html }
  await canWrite(files)
  const title = "Tandem's recipe and the article's, drilled in one run of the lab"
  const at = Date.now()
  const folder = await mkdtemp(join(tmpdir(), 'tandem-failover-'))
  const rounds: Round[] = []
  const add = (made: readonly Round[]) => {
    rounds.push(...made)
    return keep(rounds, files, { title, at, phases, facts: factsOf(count) })
  }
  try {
    // Machines that have nothing of ours, whatever was tried on them before.
    await must(root, 'lab', 'up')
    await must(root, 'lab', 'reset', 'clean')
    await must(root, 'play', 'site')
    for (const name of ours) {
      const made = await drilled(root, folder, 1, ['--only', name, '--rounds', String(count)])
      await add(made)
      // One that broke something must not spoil those that follow.
      if (made.length < count || made.some(failed)) await must(root, 'lab', 'reset', 'converged')
    }
    if (theirs.length > 0) {
      await must(root, 'lab', 'reset', 'clean')
      await must(article, 'play', 'site', '--inventory', 'literal')
    }
    for (const name of theirs) {
      // A drill ends at its first breach, and the article's recipe has one each time.
      for (let round = 1; round <= count; round++) {
        await add(await drilled(article, folder, round, ['--only', name, '--inventory', 'literal']))
      }
    }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
  const rows = rowsOf(rounds, phases)
  process.stdout.write(`\n${tableText(rows)}\n${besideText(rows)}`)
  const short = ours.filter(
    (name) => rounds.filter((r) => r.drill === name && r.recipe === 'tandem').length < count,
  )
  const broken = rounds.filter((round) => round.recipe === 'tandem' && failed(round))
  return short.length + broken.length === 0 ? exitCodes.converged : exitCodes.failed
}

try {
  process.exitCode = await main(process.argv.slice(2))
} catch (error) {
  say(sentence(error))
  process.exitCode = exitCodeOf(error)
}
