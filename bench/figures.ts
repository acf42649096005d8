import { readFile, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { z } from 'zod'
import { exitCodeOf, exitCodes, sentence, UsageError } from '../lib/core/errors.ts'
import { figure, figuresOf, withFigures } from './figures-text.ts'

const root = resolve(import.meta.dirname, '..')
const help = `npm run bench:figures -- FILE …

Makes docs/drills.json and the table of docs/failover.md anew, from rounds that
\`npm run play drill -- --json FILE\` wrote (FILE.rounds.json), and from docs/drills.json
itself where that is named: then what it holds stays.
`

async function main(files: readonly string[]): Promise<number> {
  if (files.includes('--help')) {
    process.stdout.write(help)
    return exitCodes.converged
  }
  if (files.length === 0) throw new UsageError('Expected at least one file of rounds, got none')
  const figures = (await Promise.all(files.map(read))).flat()
  const page = join(root, 'docs/failover.md')
  const text = withFigures(await readFile(page, 'utf8'), figures)
  const lines = figures.map((one) => `  ${JSON.stringify(one)}`).join(',\n')
  await writeFile(join(root, 'docs/drills.json'), `[\n${lines}\n]\n`)
  await writeFile(page, text)
  return exitCodes.converged
}

async function read(file: string) {
  const text = await readFile(file, 'utf8').catch((error) => {
    throw new UsageError(`Expected a file of rounds, got ${file}: ${sentence(error)}`)
  })
  try {
    const found: unknown = JSON.parse(text)
    const kept = z.array(figure).safeParse(found)
    return kept.success ? kept.data : figuresOf(found)
  } catch (error) {
    throw new UsageError(`${file} holds no rounds that count`, { cause: error })
  }
}

try {
  process.exitCode = await main(process.argv.slice(2))
} catch (error) {
  process.stderr.write(`${sentence(error)}\n`)
  process.exitCode = exitCodeOf(error)
}
