import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { UsageError } from '../../core/errors.ts'

/** One APT source of one suite. */
export interface AptSource {
  readonly uri: string
  readonly suite: string
  readonly components: readonly string[]
  /** Options in the one-line style, for example `signed-by`; a value may be an inline key. */
  readonly options: Readonly<Record<string, string>>
}

/** Options that decide whether a source is trusted; the others do not concern another release. */
const keptOptions = ['signed-by', 'trusted', 'check-valid-until', 'check-date', 'allow-insecure']

function kept(options: Iterable<readonly [string, string]>): Record<string, string> {
  const wanted = [...options].map(([key, value]) => [key.toLowerCase(), value] as const)
  return Object.fromEntries(wanted.filter(([key]) => keptOptions.includes(key)))
}

/** Reads a one-line style file (`*.list`). */
export function parseList(text: string): AptSource[] {
  return text.split('\n').flatMap((line) => {
    const match = /^\s*deb\s+(?:\[([^\]]*)\]\s+)?(\S+)\s+(\S+)((?:\s+[^\s#]+)*)/.exec(line)
    if (!match) return []
    const [, options = '', uri = '', suite = '', components = ''] = match
    const pairs = options.split(/\s+/).flatMap((option) => {
      const [key, value] = option.split(/=(.*)/s)
      return key && value ? [[key, value] as const] : []
    })
    return [{ uri, suite, components: words(components), options: kept(pairs) }]
  })
}

/** Reads a deb822 style file (`*.sources`). */
export function parseDeb822(text: string): AptSource[] {
  const stanzas = text
    .split('\n')
    .filter((line) => !line.startsWith('#'))
    .join('\n')
    .split(/\n\s*\n/)
  return stanzas.flatMap((stanza) => {
    const fields = new Map<string, string>()
    for (const [, key = '', value = ''] of stanza.matchAll(/^(\S+?):(.*(?:\n[ \t].*)*)/gm))
      fields.set(key.toLowerCase(), value.trim())
    if (!words(fields.get('types') ?? '').includes('deb')) return []
    if (/^(no|false|0|off)$/i.test(fields.get('enabled') ?? '')) return []
    const components = words(fields.get('components') ?? '')
    const options = kept(fields)
    return words(fields.get('uris') ?? '').flatMap((uri) =>
      words(fields.get('suites') ?? '').map((suite) => ({ uri, suite, components, options })),
    )
  })
}

const words = (text: string): string[] => text.split(/\s+/).filter((word) => word !== '')

const release =
  /^(buster|bullseye|bookworm|trixie|forky|duke|sid|testing|stable|oldstable|unstable)(-updates|-security|\/updates)?$/

/** The sources of Debian itself, rewritten to `suite` where the machine runs another release. */
export function debianSources(all: readonly AptSource[], suite = 'bookworm'): AptSource[] {
  const debian = all.filter(
    (source) => release.test(source.suite) && source.components.includes('main'),
  )
  // Others publish under Debian's suite names; the archive's own layout tells them apart.
  const official = debian.filter((source) => /\/debian(-security|-archive)?(\/|$)/.test(source.uri))
  const candidates = official.length > 0 ? official : debian
  const exact = candidates.filter((source) => source.suite.startsWith(suite))
  const chosen = (exact.length > 0 ? exact : candidates).map((source) => {
    const part = release.exec(source.suite)?.[2]?.replace('/updates', '-security') ?? ''
    return { ...source, suite: suite + part, components: ['main'] }
  })
  const unique = new Map(chosen.map((source) => [`${source.uri} ${source.suite}`, source]))
  if (![...unique.values()].some((source) => source.suite === suite))
    throw new UsageError(
      `Expected an APT source of Debian ${suite} (component main) in /etc/apt, got ${all.length === 0 ? 'no source at all' : [...new Set(all.map((source) => source.suite))].join(', ')}; the lab's image is made from the machine's own sources`,
    )
  return [...unique.values()]
}

/** All enabled sources of a machine, in the order APT reads them. */
export function readSources(aptDir = '/etc/apt'): AptSource[] {
  const read = (path: string): string => {
    try {
      return readFileSync(path, 'utf8')
    } catch {
      return ''
    }
  }
  const parts = join(aptDir, 'sources.list.d')
  let names: string[] = []
  try {
    names = readdirSync(parts).sort()
  } catch {}
  return [
    ...parseList(read(join(aptDir, 'sources.list'))),
    ...names
      .filter((name) => name.endsWith('.list'))
      .flatMap((n) => parseList(read(join(parts, n)))),
    ...names
      .filter((name) => name.endsWith('.sources'))
      .flatMap((n) => parseDeb822(read(join(parts, n)))),
  ]
}

/** The one-line form of a source; `keyFile` stores an inline key and names the file. */
export function oneLine(source: AptSource, keyFile: (key: string) => string): string {
  const options = Object.entries(source.options).map(([key, value]) =>
    value.includes('BEGIN PGP')
      ? `${key}=${keyFile(value)}`
      : `${key}=${value.replace(/\s+/g, ',')}`,
  )
  const list = options.length > 0 ? `[${options.join(' ')}] ` : ''
  return `deb ${list}${source.uri} ${source.suite} ${source.components.join(' ')}`
}
