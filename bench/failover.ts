import { spawn } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { read } from '../lib/cli/args.ts'
import { chosenDrills } from '../lib/cli/drill-args.ts'
import { canWrite, keep } from '../lib/cli/drill-files.ts'
import { drillOptions } from '../lib/cli/drill-options.ts'
import type { Option } from '../lib/cli/options.ts'
import { drills } from '../lib/drill/drills/index.ts'
import { failed, rowsOf } from '../lib/drill/report/rows.ts'
import { tableText } from '../lib/drill/table.ts'
import type { Round } from '../lib/drill/types.ts'
import { exitCodeOf, exitCodes, sentence, UsageError } from '../lib/errors.ts'
import { besideText } from './beside.ts'

const options = {
  only: { kind: 'words', value: 'DRILL,…', about: "drills of Tandem's recipe (default all)" },
  compare: {
    kind: 'words',
    value: 'DRILL,…',
    about: "drills of the article's recipe too (default standby,power-off)",
  },
  rounds: { kind: 'count', value: 'N', about: 'how often each (default 3)' },
  json: drillOptions.json,
  html: drillOptions.html,
  help: drillOptions.help,
} as const satisfies Record<string, Option>

const root = resolve(import.meta.dirname, '..')
const say = (text: string) => process.stderr.write(`${text}\n`)

/** Runs one of our own commands as an administrator would; resolves with its exit code. */
function command(...words: readonly string[]): Promise<number> {
  say(`== npm run ${words.join(' ')}`)
  const child = spawn(process.execPath, [join(root, 'lib/start/start.cjs'), ...words], {
    cwd: root,
    stdio: ['ignore', 'inherit', 'inherit'],
  })
  return new Promise((done, reject) => {
    child.once('error', reject)
    child.once('close', (code) => done(code ?? exitCodes.failed))
  })
}

async function must(...words: readonly string[]): Promise<void> {
  const code = await command(...words)
  if (code !== 0) throw new Error(`npm run ${words.join(' ')} ended with exit code ${code}`)
}

/** Rounds that were drilled, numbered from `first`; none where it could not begin. */
async function drilled(folder: string, first: number, words: readonly string[]): Promise<Round[]> {
  const json = join(folder, `${Date.now()}.json`)
  await command('play', 'drill', '--yes', '--json', json, ...words)
  const text = await readFile(`${json}.rounds.json`, 'utf8').catch(() => '[]')
  const rounds = JSON.parse(text) as Round[]
  return rounds.map((round, at) => ({ ...round, round: first + at }))
}

async function main(argv: readonly string[]): Promise<number> {
  const { words, flag, text, list } = read(argv, options)
  if (flag('help')) {
    const lines = Object.entries(options).map(([name, option]) => {
      const left = `--${name}${'value' in option ? ` ${option.value}` : ''}`
      return `  ${left.padEnd(22)} ${option.about}`
    })
    process.stdout.write(
      `npm run bench:failover [-- OPTIONS]   both recipes, drilled in one run of the lab\n\n${lines.join('\n')}\n`,
    )
    return exitCodes.converged
  }
  if (words[0] !== undefined) throw new UsageError(`Expected only options, got \`${words[0]}\``)
  const names = (only?: readonly string[]) => chosenDrills(drills, only).map(({ name }) => name)
  const ours = names(list('only'))
  const theirs = names(list('compare') ?? ['standby', 'power-off'])
  const count = Number(text('rounds') ?? 3)
  const files = { json: text('json'), html: text('html') }
  await canWrite(files)
  const title = "Tandem's recipe and the article's, drilled in one run of the lab"
  const meta = { title, at: Date.now(), facts: { rounds: count } }
  const folder = await mkdtemp(join(tmpdir(), 'tandem-failover-'))
  const rounds: Round[] = []
  const add = (made: readonly Round[]) => {
    rounds.push(...made)
    return keep(rounds, files, meta)
  }
  try {
    // Machines that have nothing of ours, whatever was tried on them before.
    await must('lab', 'up')
    await must('lab', 'reset', 'clean')
    await must('play', 'site')
    for (const name of ours) {
      const made = await drilled(folder, 1, ['--only', name, '--rounds', String(count)])
      await add(made)
      // One that broke something must not spoil those that follow.
      if (made.length < count || made.some(failed)) await must('lab', 'reset', 'converged')
    }
    if (theirs.length > 0) {
      await must('lab', 'reset', 'clean')
      await must('play', 'site', '--inventory', 'literal')
    }
    for (const name of theirs) {
      // A drill ends at its first breach, and the article's recipe has one each time.
      for (let round = 1; round <= count; round++) {
        await add(await drilled(folder, round, ['--only', name, '--inventory', 'literal']))
      }
    }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
  process.stdout.write(`\n${tableText(rowsOf(rounds))}\n${besideText(rowsOf(rounds))}`)
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
