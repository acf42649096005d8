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

/** Thrown by a template that would print what is no text, number or truth value. */
export class Unprintable extends Error {
  readonly line: number

  constructor(variable: string, value: unknown, line: number) {
    const kind = Array.isArray(value) ? 'a list' : value === null ? 'null' : `an ${typeof value}`
    super(`prints ${kind}: \`${variable}\``)
    this.line = line
  }
}

const handlebars = Handlebars.create()
const print = 'tandemPrint'

handlebars.registerHelper(
  print,
  (value: unknown, variable: string, { loc }: { loc: hbs.AST.SourceLocation }) => {
    if (['string', 'number', 'boolean', 'bigint'].includes(typeof value)) return String(value)
    throw new Unprintable(variable, value, loc.start.line)
  },
)

/**
 * Gives every variable that is printed to a helper. Handlebars by itself would add up two numbers
 * that stand side by side, and print an object as `[object Object]`.
 */
class Printing extends Handlebars.Visitor {
  override MustacheStatement(statement: hbs.AST.MustacheStatement) {
    const { path, loc } = statement
    if (statement.params.length > 0 || statement.hash?.pairs.length > 0) return
    const original = (path as hbs.AST.PathExpression).original
    const name: hbs.AST.StringLiteral = { type: 'StringLiteral', value: original, original, loc }
    const helper = { data: false, depth: 0, parts: [print], original: print, loc }
    statement.params = [path, name]
    statement.path = { type: 'PathExpression', ...helper }
  }
}

const compiled = new Map<string, HandlebarsTemplateDelegate>()

/** Every host renders the same few templates, and compiling one takes far longer than rendering it. */
function compile(text: string): HandlebarsTemplateDelegate {
  const known = compiled.get(text)
  if (known) return known
  const ast = handlebars.parse(text)
  new Printing().accept(ast)
  const options = { noEscape: true, strict: true, knownHelpers: { [print]: true } }
  const made = handlebars.compile(ast, options)
  compiled.set(text, made)
  return made
}

/** Renders a template; throws `Missing` and `Unprintable` besides Handlebars' own errors. */
export function renderStrictly(text: string, data: object): string {
  return compile(text)(strictly(data))
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
