import { join } from 'node:path'
import { inspect } from 'node:util'
import { exitCodeOf, exitCodes, sentence, UsageError } from '../core/errors.ts'
import { unknownName } from '../inventory/index.ts'
import { harmless } from '../report/colour.ts'
import type { Context } from './common/context.ts'
import { npmSources } from './npm/npm-sources.ts'
import { swallowed } from './npm/npm-swallowed.ts'

async function main(script: string | undefined, argv: string[], context: Context): Promise<number> {
  if (script === 'secrets')
    return (await import('./secrets/secrets-command.ts')).secrets(argv, context)
  if (script !== 'play' && script !== 'lab') {
    throw new UsageError(unknownName('command', script ?? '', ['play', 'lab', 'secrets']))
  }
  const allOfPlay = async () => {
    const { allParameters, optionsWith } = await import('./playbooks/parameters.ts')
    return optionsWith(await allParameters(join(context.root, 'playbooks')))
  }
  const sources = npmSources(context.env)
  const refusal = await swallowed(script, argv, context.env, sources, allOfPlay)
  if (refusal) throw new UsageError(refusal)
  // Loaded when needed: `lab exec` should not wait for the engine, nor `play --help` for the lab.
  if (script === 'lab') return (await import('./lab/lab-command.ts')).lab(argv, context)
  const [name, ...rest] = argv
  if (name === 'drill') return (await import('./drill/drill-command.ts')).drill(rest, context)
  return (await import('./play/play-command.ts')).play(argv, context)
}

// A reader that goes away (`| head`) must not end a run in the middle of a change; a full disk must not pass unseen.
let unwritten: NodeJS.ErrnoException | undefined
process.stderr.on('error', () => {})
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') unwritten ??= error
})

/** The exit code, but never that of success where what was to be said was lost. */
function endOf(code: number): number {
  if (!unwritten) return code
  process.stderr.write(`Standard output could not be written: ${unwritten.message}\n`)
  return code === exitCodes.converged ? exitCodes.failed : code
}

const [script, ...argv] = process.argv.slice(2)
const context: Context = {
  root: process.env.TANDEM_ROOT || process.cwd(),
  env: process.env,
  stdout: process.stdout,
  stderr: process.stderr,
}
// Not awaited: a bundle is one script, which cannot wait at its top.
main(script, argv, context)
  .catch((error: unknown) => {
    process.stderr.write(`${harmless(sentence(error))}\n`)
    if (process.env.TANDEM_DEBUG === '1') process.stderr.write(`${harmless(inspect(error))}\n`)
    return exitCodeOf(error)
  })
  .then((code) => {
    // An error of the last write is told a moment after it.
    process.stdout.write('', () => setImmediate(() => process.exit(endOf(code))))
  })
