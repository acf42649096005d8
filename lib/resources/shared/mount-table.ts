/** One mounted filesystem, or one line of fstab. */
export interface MountEntry {
  readonly source: string
  readonly path: string
  readonly fstype: string
  readonly options: readonly string[]
}

/** Reads /proc/mounts or fstab, whose six columns are the same; comments are skipped. */
export function parseMounts(text: string): MountEntry[] {
  return text.split('\n').flatMap((line) => {
    const [source = '', path, fstype, options] = line.trim().split(/\s+/)
    if (source === '' || source.startsWith('#')) return []
    if (!path || !fstype) throw new Error(`Expected a mount entry, got ${JSON.stringify(line)}`)
    const entry = { source: decoded(source), path: decoded(path), fstype }
    return [{ ...entry, options: options?.split(',') ?? [] }]
  })
}

/** A line for fstab, checked at boot never and dumped never. */
export function fstabLine({ source, path, fstype, options }: MountEntry): string {
  return `${encoded(source)} ${encoded(path)} ${fstype} ${options.join(',') || 'defaults'} 0 0`
}

/** Options that mount(8) or init keep to themselves, or the kernel lists in other units: a part of the memory as bytes. */
const untold =
  /^(defaults|auto|noauto|nofail|_netdev|users?|nousers?|owner|group|bg|fg|retry=.*|intr|nointr|loop.*|comment=.*|x-.*|r?bind|size=\d+%)$/

/** The kernel lists only the other half of these. */
const silent: Readonly<Record<string, string>> = {
  exec: 'noexec',
  suid: 'nosuid',
  dev: 'nodev',
  atime: 'noatime',
  diratime: 'nodiratime',
  async: 'sync',
}

/** The wanted options that an active mount lacks; what the kernel adds by itself does not count. */
export function lackingOptions(wanted: readonly string[], active: readonly string[]): string[] {
  const have = new Set(active.map(normal))
  return wanted.filter((option) => {
    if (untold.test(option)) return false
    const opposite = silent[option]
    if (opposite !== undefined) return have.has(opposite)
    const size = /^([rw]size)=(\d+)$/.exec(option)
    if (size) {
      // The server may have asked for less than the client wanted.
      const got = active.find((other) => other.startsWith(`${size[1]}=`))
      return got === undefined || Number(got.slice(6)) > Number(size[2])
    }
    return !have.has(normal(option))
  })
}

/** nfsvers=4 is vers=4, size=1m is size=1024k, mode=0755 is mode=755. */
function normal(option: string): string {
  const [name = '', value] = option.split(/=(.*)/s)
  if (value === undefined) return name
  if (name === 'nfsvers') return `vers=${value}`
  if (name === 'mode') return `mode=${value.replace(/^0+(?=.)/, '')}`
  const size = /^(\d+)([kmg])$/i.exec(value)
  if (!size) return option
  return `${name}=${Number(size[1]) * 1024 ** ('kmg'.indexOf(size[2]?.toLowerCase() ?? '') + 1)}`
}

function decoded(field: string): string {
  return field.replace(/\\([0-7]{3})/g, (_, code: string) =>
    String.fromCharCode(Number.parseInt(code, 8)),
  )
}

function encoded(field: string): string {
  return field.replace(/[ \t\n\\#]/g, (c) => `\\${c.charCodeAt(0).toString(8).padStart(3, '0')}`)
}
