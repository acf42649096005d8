import { UsageError } from '../../core/errors.ts'

/** A text without control characters. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is refused
export const printable = /^[^\u0000-\u001f\u007f]+$/

/** Gives `text` back where it matches; `what` says in the message what was expected. */
export function matching(text: string, pattern: RegExp, what: string): string {
  if (pattern.test(text)) return text
  throw new UsageError(`Expected ${what}, got ${show(text)}`)
}

/** Gives `path` back where it is absolute, normal and printable; everything else is a mistake in a role. */
export function absolute(path: string): string {
  if (!path.startsWith('/') || !printable.test(path)) {
    throw new UsageError(`Expected an absolute path without control characters, got ${show(path)}`)
  }
  if (path.length > 1 && /\/$|\/\/|\/\.\.?(\/|$)/.test(path)) {
    throw new UsageError(
      `Expected a path without trailing or doubled "/", "." or "..", got ${path}`,
    )
  }
  return path
}

/** Permission bits as administrators write them: 0644. */
export function octal(mode: number): string {
  return mode.toString(8).padStart(4, '0')
}

/** A value in a message, quoted and on one line. */
export function show(value: string): string {
  return JSON.stringify(value)
}

/** Gives `text` back where it is one printable line; `what` names it in the message. */
export function oneLine(text: string, what: string): string {
  return matching(text, printable, `${what} to be one line of text`)
}
