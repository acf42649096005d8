import { masked } from './secret.ts'

const plain = /^[\w./:@%+,-]+$/

/** One value as one word of a POSIX shell; dash, busybox ash and bash read it alike. */
export function quote(value: string): string {
  if (value.includes('\0')) throw new TypeError('A shell word cannot contain a NUL byte')
  return plain.test(value) ? value : `'${value.replaceAll("'", `'\\''`)}'`
}

function word(value: unknown): string {
  if (typeof value === 'string') return quote(value)
  if (typeof value === 'number' || typeof value === 'bigint' || typeof value === 'boolean') {
    return quote(String(value))
  }
  if (Array.isArray(value)) return value.map(word).join(' ')
  if (value && typeof value === 'object' && 'stdout' in value) {
    return quote(String(value.stdout).trim())
  }
  const got = value === null ? 'null' : typeof value
  throw new TypeError(
    `Expected a value in a command to be text, a number or a list of them, got ${got}`,
  )
}

/** A template with its values quoted: arrays become several words, outputs their trimmed text. */
export function commandLine(pieces: TemplateStringsArray, values: readonly unknown[]): string {
  return pieces.reduce((line, piece, i) => line + word(values[i - 1]) + piece)
}

/** A command shortened to one line for messages; masked before that, because half a secret is not found any more. */
export function brief(script: string, limit = 160): string {
  const line = masked(script)
    .trim()
    .replace(/\s*\n\s*/g, '; ')
  return line.length > limit ? `${line.slice(0, limit - 1)}…` : line
}
