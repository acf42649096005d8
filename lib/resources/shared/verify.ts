import { UsageError } from '../../core/errors.ts'
import { quote } from '../../core/quote.ts'
import type { Host } from '../../core/task.ts'
import { show } from './validate.ts'

/** The place of the new file's path in a `verify` command. */
const place = '%s'

/** Throws a UsageError where a command does not say where the new file's path belongs. */
export function checkVerify(path: string, command: string | undefined): void {
  if (command === undefined || command.split(place).length === 2) return
  throw new UsageError(
    `Expected one ${place} in \`verify\` of ${path}, where the path of the new file goes (nft -c -f ${place}), got ${show(command)}`,
  )
}

/**
 * Throws unless `command` accepts the content. It reads a copy in a folder of root's alone: beside the file,
 * a program that reads whole folders would take it for real.
 */
export async function accepted(
  host: Host,
  path: string,
  content: string | Buffer,
  command: string,
  secret: boolean,
): Promise<void> {
  const { stdout } =
    await host.quick`umask 077; mkdir -p -m 0755 -- /run/tandem && mktemp -d /run/tandem/verify.XXXXXXXX`
  const folder = stdout.trim()
  if (!folder.startsWith('/run/tandem/')) {
    throw new Error(`Expected a new folder in /run/tandem, got ${show(folder)}`)
  }
  // Some programs judge by the name's ending.
  const copy = `${folder}/${path.slice(path.lastIndexOf('/') + 1)}`
  try {
    await host.write(copy, content, { mode: 0o600 })
    const line = command.replace(place, () => quote(copy))
    const answer = await host.sh`set +e; eval ${line}`.nothrow()
    if (answer.exitCode === 0) return
    // What it complains of may be a line of the file.
    const words = secret
      ? ''
      : (answer.stderr.trim() || answer.stdout.trim()).replaceAll(copy, path)
    throw new Error(
      `Expected \`${command.replace(place, () => path)}\` to accept the new ${path}, got exit code ${answer.exitCode}${words && `: ${words}`}; the old file is unchanged`,
    )
  } finally {
    await host.quick`rm -rf -- ${folder}`
  }
}
