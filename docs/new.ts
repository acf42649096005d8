import { join } from 'node:path'
import { exitCodeOf, sentence, UsageError } from '../lib/core/errors.ts'
import { makeSkeleton, skeletonKinds } from './skeleton.ts'

try {
  const [kind, name, ...more] = process.argv.slice(2)
  if (kind === undefined || name === undefined || more.length > 0) {
    throw new UsageError(`Expected two words: npm run new ${skeletonKinds.join('|')} NAME`)
  }
  const said = await makeSkeleton(join(import.meta.dirname, '..'), kind, name)
  process.stdout.write(`${said.join('\n')}\n`)
} catch (error) {
  process.stderr.write(`${sentence(error)}\n`)
  process.exitCode = exitCodeOf(error)
}
