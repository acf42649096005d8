import Handlebars from 'handlebars'

/** Thrown when a template looks up what is not there. */
export class Missing extends Error {
  /** The name that was looked up, and the way to it from the data's root. */
  readonly key: string
  readonly variable: string

  constructor(key: string, variable: string) {
    super(`variable ${variable} does not exist`)
    this.key = key
    this.variable = variable
  }
}

/**
 * A view on template data that throws at every look-up of a missing or undefined field.
 * Handlebars' own strict mode lets `{{#if x}}`, `{{#each x}}`, helper arguments and block
 * parameters through; a view sees every one of them.
 */
export function strictly<T extends object>(data: T, way = ''): T {
  return new Proxy(data, {
    // An explicit `undefined` is as missing as no field: it would print nothing.
    has: (target, key) => Reflect.get(target, key) !== undefined,
    get(target, key) {
      const value: unknown = Reflect.get(target, key)
      if (typeof key === 'symbol' || (value !== undefined && !isContainer(value))) return value
      // `{{length}}` of a list or the runtime's own `toString` are no variables.
      const variable = Array.isArray(target) ? `${way}[${key}]` : way ? `${way}.${key}` : key
      if (value === undefined) throw new Missing(key, variable)
      return strictly(value as object, variable)
    },
  })
}

function isContainer(value: unknown): boolean {
  if (Array.isArray(value)) return true
  if (typeof value !== 'object' || value === null) return false
  const prototype = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null
}

/** The first line of a template where `key` is part of a variable. */
export function lineOf(text: string, key: string): number | undefined {
  const lines: number[] = []
  class Finder extends Handlebars.Visitor {
    override PathExpression(path: hbs.AST.PathExpression) {
      if (path.parts.includes(key)) lines.push(path.loc.start.line)
    }
  }
  new Finder().accept(Handlebars.parse(text))
  return lines.length > 0 ? Math.min(...lines) : undefined
}
