import { UsageError } from '../../core/errors.ts'

/** Gives `path` back where it is absolute, normal and printable; everything else is a mistake in a role. */
export function absolute(path: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is refused
  if (!path.startsWith('/') || /[\u0000-\u001f\u007f]/.test(path)) {
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
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is refused
  if (text !== '' && !/[\u0000-\u001f\u007f]/.test(text)) return text
  throw new UsageError(`Expected ${what} to be one line of text, got ${show(text)}`)
}
