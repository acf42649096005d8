import { join } from 'node:path'
import type { Site } from '../../inventory/schema.ts'
import { type Host, renderFile } from '../../lib/index.ts'

const source = (name: string) => join(import.meta.dirname, 'templates', `${name}.hbs`)

/** Where a victim keeps what it gave up. */
export const savedFolder = '/var/lib/tandem/split-brain'

/** What was saved: how many files, how many are gone there, and whether the journal was clean. */
export interface Saved {
  readonly files: number
  readonly removed: number
  readonly clean: boolean
}

/** Reads the last line of the saving script: `saved 3 removed 1 journal clean`. */
export function parseSaved(text: string): Saved {
  const match = text.match(/^saved (\d+) removed (\d+) journal (clean|unclean)$/m)
  if (!match) throw new Error(`saving the victim's files: expected a count, got \`${text.trim()}\``)
  return { files: Number(match[1]), removed: Number(match[2]), clean: match[3] === 'clean' }
}

/**
 * Copies what only the victim has into `folder` there. Its disk is read through a read-only loop
 * device without replaying the journal, so that not a byte of it changes.
 */
export async function saveFiles(
  victim: Host,
  survivor: string,
  { drbd, nfs }: Site,
  folder: string,
): Promise<Saved> {
  const list = renderFile(source('list'), { path: nfs.path })
  victim.progress(`lists the files of ${survivor}`)
  const { stdout } = await victim.peer(survivor).$`eval ${list}`.within(3_600_000)
  await victim.sh`mkdir -p -m 0700 ${folder}/files`
  await victim.write(`${folder}/survivor.gz`, Buffer.from(stdout, 'base64'), { mode: 0o600 })
  victim.progress('compares and copies')
  const save = renderFile(source('save'), { disk: drbd.disk, filesystem: drbd.filesystem, folder })
  const ended = await victim.sh`eval ${save}`
  return parseSaved(ended.stdout)
}
