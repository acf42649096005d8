/** One file of an archive; folders are made as needed. */
export interface ArchiveFile {
  /** Absolute path in the guest. */
  readonly path: string
  readonly mode: number
  readonly content: string
}

const directory = 0o040000
const regular = 0o100000

function entry(number: number, path: string, mode: number, content: Buffer): Buffer {
  const name = Buffer.from(`${path}\0`)
  const fields = [number, mode, 0, 0, 1, 0, content.length, 0, 0, 0, 0, name.length, 0]
  const header = `070701${fields.map((field) => field.toString(16).padStart(8, '0')).join('')}`
  return Buffer.concat([padded(Buffer.concat([Buffer.from(header), name])), padded(content)])
}

const padded = (data: Buffer): Buffer =>
  Buffer.concat([data, Buffer.alloc((4 - (data.length % 4)) % 4)])

/**
 * An archive the kernel unpacks behind the initial RAM disk, everything owned by root, below
 * `/identity`. It carries what differs between machines without touching a disk image.
 */
export function identityArchive(files: readonly ArchiveFile[]): Buffer {
  const folders = new Set<string>()
  for (const { path } of files) {
    const parts = `identity${path}`.split('/').slice(0, -1)
    for (let depth = 1; depth <= parts.length; depth++) folders.add(parts.slice(0, depth).join('/'))
  }
  const folderMode = (path: string) => (path === 'identity/root/.ssh' ? 0o700 : 0o755)
  let number = 1
  return Buffer.concat([
    ...[...folders].map((path) =>
      entry(number++, path, directory | folderMode(path), Buffer.alloc(0)),
    ),
    ...files.map((file) =>
      entry(number++, `identity${file.path}`, regular | file.mode, Buffer.from(file.content)),
    ),
    entry(0, 'TRAILER!!!', 0, Buffer.alloc(0)),
  ])
}
