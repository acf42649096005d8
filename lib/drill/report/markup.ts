/** Text that is markup already; only {@link html} makes it, so nothing gets there unescaped. */
export class Markup {
  readonly #text: string

  constructor(text: string) {
    this.#text = text
  }

  toString(): string {
    return this.#text
  }
}

/** What a template takes: markup as it is, anything else escaped, nothing for what is not there. */
export type Piece = Markup | string | number | false | undefined | readonly Piece[]

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

/** Safe as text and in a quoted attribute; control characters, which no page may hold, are shown. */
export const escaped = (text: string): string =>
  text
    .replace(/[&<>"']/g, (character) => entities[character] ?? character)
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
    .replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f]/g, '\ufffd')

function rendered(piece: Piece): string {
  if (piece === undefined || piece === false) return ''
  if (piece instanceof Markup) return piece.toString()
  if (typeof piece === 'object') return piece.map(rendered).join('')
  return escaped(String(piece))
}

/** A template of HTML or SVG whose every value is escaped unless it came out of such a template. */
export function html(texts: TemplateStringsArray, ...pieces: readonly Piece[]): Markup {
  const all = texts.map((text, at) => text + rendered(pieces[at]))
  return new Markup(all.join(''))
}
