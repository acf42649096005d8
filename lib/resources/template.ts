import { readFileSync } from 'node:fs'
import { isAbsolute, join, relative } from 'node:path'
import { UsageError } from '../core/errors.ts'
import type { Task } from '../core/task.ts'
import { type FileOptions, file } from './file.ts'
import { lineOf, Missing, renderStrictly, Unprintable } from './shared/strict-handlebars.ts'

/** Makes a file out of a role's template; rendered at once, before any connection. */
export interface Template {
  (name: string, path: string, data: object, options?: FileOptions): Task
  /** The text alone, for a resource that writes it in its own way. */
  text(name: string, data: object): string
}

/** The templates of a role: `templates(import.meta.dirname)` reads `templates/NAME.hbs` beside it. */
export function templates(roleDirectory: string): Template {
  const text: Template['text'] = (name, data) =>
    renderFile(join(roleDirectory, 'templates', `${name}.hbs`), data)
  const written = (name: string, path: string, data: object, options?: FileOptions) =>
    file(path, text(name, data), options)
  return Object.assign(written, { text })
}

/** Renders one template file; a variable that does not exist is a UsageError naming its line. */
export function renderFile(source: string, data: object): string {
  const shown = nameOf(source)
  let text: string
  try {
    text = readFileSync(source, 'utf8')
  } catch (error) {
    throw new UsageError(`template ${shown} cannot be read: ${(error as Error).message}`)
  }
  return render(text, data, shown)
}

/** Renders template text; `shown` is its name in messages. */
export function render(text: string, data: object, shown: string): string {
  try {
    return renderStrictly(text, data)
  } catch (error) {
    throw new UsageError(`template ${shown} ${explain(text, error as Error)}`)
  }
}

function explain(text: string, error: Error & { lineNumber?: number }): string {
  if (error instanceof Missing) {
    return `line ${lineOf(text, error.key) ?? '?'}: variable \`${error.variable}\` does not exist`
  }
  if (error instanceof Unprintable) return `line ${error.line}: ${error.message}`
  const missing = /^"(.*)" not defined in /.exec(error.message)
  if (missing && error.lineNumber) {
    return `line ${error.lineNumber}: variable \`${missing[1]}\` does not exist`
  }
  return `is not valid: ${error.message}`
}

function nameOf(source: string): string {
  const near = relative(process.cwd(), source)
  return near.startsWith('..') || isAbsolute(near) ? source : near
}
