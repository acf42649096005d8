import { inspect } from 'node:util'
import { UsageError } from './errors.ts'

const hidden = new Set<string>()
const mask = '********'

let provider = (name: string): string => {
  throw new UsageError(`secret \`${name}\` was asked for before any secrets were loaded`)
}

/**
 * Says where values come from: called once, by the command line, before any task is made. All of `values` are masked
 * from then on: a host's program may print one that this run never asked for.
 */
export function provideSecrets(
  from: (name: string) => string,
  values: Iterable<string> = [],
): void {
  provider = from
  for (const value of values) hide(value)
}

/** Masks a value from now on. Shorter ones would mask half of every text, and are no secrets. */
export function hide(value: string): void {
  if (value.length < 6 || hidden.has(value)) return
  const bytes = Buffer.from(value)
  const json = JSON.stringify(value).slice(1, -1)
  const forms = [value, json, encodeURIComponent(value), value.replaceAll("'", `'\\''`)]
  forms.push(bytes.toString('hex'), ...inBase64(bytes))
  for (const form of forms) if (form.length >= 6) hidden.add(form)
}

/** How it looks within the Base64 of a longer text, such as `user:password`: it may begin at any of three places. */
function inBase64(bytes: Buffer): string[] {
  return [0, 1, 2].flatMap((before) => {
    const whole = Buffer.concat([Buffer.alloc(before), bytes]).toString('base64')
    // The first and last characters also hold bits of what stands around it.
    const end = Math.floor(((before + bytes.length) * 8) / 6)
    const inner = whole.slice(Math.ceil((before * 8) / 6), end)
    return [inner, inner.replaceAll('+', '-').replaceAll('/', '_')]
  })
}

/** The name of a value that prints as asterisks wherever it goes by accident; only `reveal` gives it away. */
export class Secret {
  readonly name: string
  /** Whether the value exists elsewhere and must be told: an invented one would be wrong. */
  readonly given: boolean

  constructor(name: string, { given = false }: { given?: boolean } = {}) {
    this.name = name
    this.given = given
  }

  /** The value itself, for the one place that must write it. Throws UsageError when there is none. */
  reveal(): string {
    const value = provider(this.name)
    hide(value)
    return value
  }

  toString(): string {
    return mask
  }

  toJSON(): string {
    return mask
  }

  [inspect.custom](): string {
    return `Secret(${this.name})`
  }
}

/**
 * Names a secret of the inventory; its value is kept encrypted, apart from the inventory. With
 * `given` it is one that exists elsewhere, such as a device's password, and is never made up.
 */
export function secret(name: string, options: { given?: boolean } = {}): Secret {
  return new Secret(name, options)
}

/** Replaces every secret of the inventory in a text by asterisks; the last step before any output. */
export function masked(text: string): string {
  let result = text
  for (const value of hidden) result = result.replaceAll(value, mask)
  return result
}
