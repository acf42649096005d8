import type { z } from 'zod'
import { nearest } from '../core/suggest.ts'

/** At most this many problems are told at once: a wrong file is repaired from the top. */
const told = 5

/** `hosts.M1.connection.port`, `groups.nodes[1]`. */
export function pathText(path: readonly PropertyKey[]): string {
  const parts = path.map((key) => (typeof key === 'number' ? `[${key}]` : `.${String(key)}`))
  return parts.join('').replace(/^\./, '') || '(the inventory itself)'
}

/** A value as an error message shows it: `abc` (string), nothing, an object. */
export function shown(value: unknown): string {
  if (value === undefined) return 'nothing'
  if (value === null) return 'null'
  if (Array.isArray(value)) return `a list of ${value.length}`
  if (typeof value === 'object') return 'an object'
  if (typeof value === 'function') return 'a function'
  return `\`${String(value).slice(0, 60)}\` (${typeof value})`
}

const kinds: Record<string, string> = {
  string: 'a string',
  number: 'a number',
  int: 'an integer',
  boolean: '`true` or `false`',
  object: 'an object',
  record: 'an object',
  array: 'a list',
  tuple: 'a list',
}

const units: Record<string, string> = { string: ' characters', array: ' entries', set: ' entries' }

function expected(issue: z.core.$ZodIssue): string {
  switch (issue.code) {
    case 'invalid_type':
      return `expected ${kinds[issue.expected] ?? `a ${issue.expected}`}`
    case 'invalid_value':
      return `expected ${issue.values.length > 1 ? 'one of ' : ''}${issue.values.map((value) => `\`${String(value)}\``).join(', ')}`
    case 'too_small':
      if (issue.origin === 'array' && issue.minimum === 1) return 'expected at least one entry'
      return `expected ${issue.inclusive ? 'at least' : 'more than'} ${issue.minimum}${units[issue.origin] ?? ''}`
    case 'too_big':
      return `expected ${issue.inclusive ? 'at most' : 'less than'} ${issue.maximum}${units[issue.origin] ?? ''}`
    case 'invalid_format':
      return issue.message.startsWith('Invalid ') && issue.format !== 'regex'
        ? `expected a valid ${issue.format}`
        : lowerFirst(issue.message)
    default:
      // Zod's words for a kind of object that is none of those known.
      return lowerFirst(issue.message)
        .replace(/^invalid discriminator value\. Expected /, 'expected ')
        .replaceAll(/'(\w+)'/g, '`$1`')
        .replaceAll(' | ', ' or ')
  }
}

const lowerFirst = (text: string) => text.charAt(0).toLowerCase() + text.slice(1)

/** The members of an object that a rule over several of them speaks of: `warntime` 60, `deadtime` 10. */
function named(issue: z.core.$ZodIssue, rule: string): string {
  if (issue.code !== 'custom' || typeof issue.input !== 'object' || Array.isArray(issue.input)) {
    return ''
  }
  return Object.entries(issue.input ?? {})
    .filter(([key, value]) => typeof value !== 'object' && new RegExp(`\\b${key}\\b`).test(rule))
    .map(([key, value]) => `${key} ${value}`)
    .join(', ')
}

/** A key zod does not know is most often a misspelt one that it misses at the same place. */
function unknownKeys(issue: z.core.$ZodIssueUnrecognizedKeys, missing: readonly string[]): string {
  const key = issue.keys[0] ?? ''
  const guess = nearest(key, missing)
  return `unknown key \`${key}\`${guess ? `, did you mean \`${guess}\`?` : ''}`
}

/** One sentence a problem with its path, at most five. */
export function problems(
  issues: readonly z.core.$ZodIssue[],
  prefix: readonly PropertyKey[] = [],
): string[] {
  const missing = (path: readonly PropertyKey[]) =>
    issues
      .filter((issue) => issue.path.length === path.length + 1 && issue.input === undefined)
      .map((issue) => String(issue.path.at(-1)))
  const all = issues.map((issue) => {
    const where = pathText([...prefix, ...issue.path])
    if (issue.code === 'unrecognized_keys') {
      return `${where}: ${unknownKeys(issue, missing(issue.path))}`
    }
    if (issue.code === 'invalid_key') {
      return `${where}: ${issue.issues[0]?.message ?? issue.message}`
    }
    // A literal where a secret belongs must not be quoted: it may be the secret.
    if (issue.code === 'invalid_type' && String(issue.expected) === 'Secret') {
      return `${where}: expected secret('name'), never a literal, got a ${typeof issue.input}`
    }
    const wanted = expected(issue)
    // What decides between several kinds of object is told at its own key.
    if (issue.code === 'invalid_union' && 'discriminator' in issue) {
      const chosen = (issue.input as Record<string, unknown>)[String(issue.discriminator)]
      return `${where}: ${wanted}, got ${shown(chosen)}`
    }
    return `${where}: ${wanted}, got ${named(issue, wanted) || shown(issue.input)}`
  })
  return limited(all)
}

/** The first five lines, and how many more there are. */
export function limited(lines: readonly string[]): string[] {
  if (lines.length <= told) return [...lines]
  return [...lines.slice(0, told - 1), `and ${lines.length - told + 1} more problems`]
}
