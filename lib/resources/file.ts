import { createHash } from 'node:crypto'
import type { CheckHost, Diff, Host, Task } from '../core/task.ts'
import { resource, type TaskOptions } from './shared/resource.ts'
import {
  type Found,
  lookWithSum,
  naming,
  type Ownership,
  otherNames,
  ownershipDifferences,
} from './shared/stat.ts'
import { absolute, octal } from './shared/validate.ts'
import { accepted, checkVerify } from './shared/verify.ts'

/** What `file` may be told besides path and content. */
export interface FileOptions extends Partial<Ownership>, TaskOptions {
  /** Keeps the content out of every output; it is not even read back from the host. */
  readonly secret?: boolean
  /** A command that must accept the new file, at `%s`, before it replaces the old one: `nft -c -f %s`. */
  readonly verify?: string
}

/** Old content above this size is not fetched for a diff. */
const diffLimit = 256 * 1024

/** A regular file with this content, mode (0644), owner and group (root). */
export function file(path: string, content: string | Buffer, options: FileOptions = {}): Task {
  absolute(path)
  checkVerify(path, options.verify)
  const bytes = Buffer.from(content)
  const sum = createHash('sha256').update(bytes).digest('hex')
  const { mode = 0o644, owner = 'root', group = 'root', secret = false, verify } = options
  const wanted: Ownership = { mode, owner, group }

  return resource(`file ${path}`, options, {
    async check(host) {
      const now = await lookWithSum(host, path)
      if (now?.kind === 'directory' || now?.kind === 'other') {
        throw new Error(`Expected a file or nothing at ${path}, got ${naming(now)}`)
      }
      if (now?.sum === sum) {
        const differences = ownershipDifferences(now, wanted)
        if (differences.length === 0) return undefined
        // A new mode would reach all names of the file.
        return { summary: differences.join(', ') + otherNames(now), permissionsOnly: now.links < 2 }
      }
      const before = now && (secret ? '(secret)' : await oldText(host, path, now))
      const after = secret ? '(secret)' : shown(bytes)
      const diff: Diff = { path, before, after, ...(secret && { secret }) }
      return { summary: describe(now, wanted), diff, permissionsOnly: false }
    },
    async apply(host, { permissionsOnly }) {
      // What is right already is not written again.
      if (permissionsOnly) return setPermissions(host, path, wanted)
      if (verify !== undefined) await accepted(host, path, content, verify, secret)
      await host.write(path, content, wanted)
    },
  })
}

/** Changes owner, group and mode of what is there; never follows a link. */
export async function setPermissions(host: Host, path: string, wanted: Ownership): Promise<void> {
  // chown first: it clears the set-user-id bit that chmod may have to set. With four digits only, GNU
  // chmod leaves those bits of a folder as they are.
  await host.quick`chown -h ${`${wanted.owner}:${wanted.group}`} -- ${path} && chmod ${`0${octal(wanted.mode)}`} -- ${path}`
}

async function oldText(host: CheckHost, path: string, found: Found): Promise<string> {
  if (found.kind === 'link')
    return `(link to ${(await host.$`readlink -- ${path}`).stdout.trimEnd()})`
  if (found.size > diffLimit) return `(${found.size} bytes)`
  return shown(Buffer.from((await host.$`cat < ${path}`).stdout), found.size)
}

/** Text for a diff; bytes that are no text are only counted. */
function shown(bytes: Buffer, size = bytes.length): string {
  const text = bytes.toString()
  return /[\0\ufffd]/.test(text) || size > diffLimit ? `(${size} bytes, not text)` : text
}

function describe(found: Found | undefined, wanted: Ownership): string {
  if (!found) return `does not exist; created with mode ${octal(wanted.mode)}`
  if (found.kind === 'link') return 'is a link; becomes a file'
  return ['content differs', ...ownershipDifferences(found, wanted)].join(', ') + otherNames(found)
}
