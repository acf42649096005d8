import { spawn } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { read } from '../lib/cli/args.ts'
import type { Option } from '../lib/cli/options.ts'
import { drills } from '../lib/drill/drills/index.ts'
import { renderReport } from '../lib/drill/report/html.ts'
import { failed, rowsOf } from '../lib/drill/report/rows.ts'
import { tableText } from '../lib/drill/table.ts'
import type { Round } from '../lib/drill/types.ts'
import { exitCodeOf, exitCodes, sentence, UsageError } from '../lib/errors.ts'
import { unknownName } from '../lib/inventory/index.ts'
import { besideText } from './beside.ts'

const options = {
  only: { kind: 'words', value: 'DRILL,…', about: "drills of Tandem's recipe (default all)" },
  compare: {
    kind: 'words',
    value: 'DRILL,…',
    about: "drills of the article's recipe too (default standby,power-off)",
  },
  rounds: { kind: 'count', value: 'N', about: 'how often each (default 3)' },
  json: { kind: 'text', value: 'FILE', about: 'write a row a drill, and FILE.rounds.json' },
  html: { kind: 'text', value: 'FILE', about: 'write the report with pictures' },
  help: { kind: 'flag', about: 'this text' },
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

/** The names, each that of a drill; throws UsageError for one that is none. */
function known(words: readonly string[]): readonly string[] {
  const names = drills.map(({ name }) => name)
  for (const word of words) {
    if (!names.includes(word)) throw new UsageError(unknownName('drill', word, names))
  }
  return words
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
  const ours = known(list('only') ?? drills.map(({ name }) => name))
  const theirs = known(list('compare') ?? ['standby', 'power-off'])
  const count = Number(text('rounds') ?? 3)
  const [json, html] = [text('json'), text('html')]
  const at = Date.now()
  const folder = await mkdtemp(join(tmpdir(), 'tandem-failover-'))
  const rounds: Round[] = []
  const keep = async (made: readonly Round[]) => {
    rounds.push(...made)
    if (json !== undefined) {
      await writeFile(json, `${JSON.stringify(rowsOf(rounds), undefined, 2)}\n`)
      await writeFile(`${json}.rounds.json`, `${JSON.stringify(rounds)}\n`)
    }
    if (html === undefined) return
    const title = "Tandem's recipe and the article's, drilled in one run of the lab"
    await writeFile(html, renderReport(rounds, { title, at, facts: { rounds: count } }))
  }
  try {
    // Machines that have nothing of ours, whatever was tried on them before.
    await must('lab', 'up')
    await must('lab', 'reset', 'clean')
    await must('play', 'site')
    for (const name of ours) {
      const made = await drilled(folder, 1, ['--only', name, '--rounds', String(count)])
      await keep(made)
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
        await keep(await drilled(folder, round, ['--only', name, '--inventory', 'literal']))
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
