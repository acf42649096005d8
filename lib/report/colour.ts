import { masked } from '../core/secret.ts'
import type { Status } from '../engine/events.ts'

const codes = { red: 31, green: 32, yellow: 33, cyan: 36, dim: 2, bold: 1 } as const

/** Names of the colours in use. */
export type Colour = keyof typeof codes

/** Colours a text, or leaves it alone. */
export type Paint = (colour: Colour, text: string) => string

/** A painter that paints only where `on`. */
export function painter(on: boolean): Paint {
  return (colour, text) => (on && text !== '' ? `\x1b[${codes[colour]}m${text}\x1b[0m` : text)
}

/** One colour a status, in every output; sums are told in this order. */
export const statusColour: Record<Status, Colour> = {
  ok: 'green',
  changed: 'yellow',
  'would-change': 'yellow',
  unknown: 'cyan',
  failed: 'red',
  refused: 'red',
  skipped: 'dim',
}

/** What steers a terminal, and what lets a line read otherwise than it is written (Unicode's marks of direction). */
const control =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it looks for
  /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g

const hex = (character: string) => character.charCodeAt(0).toString(16)

/** Text from a host without secrets, and without characters that would steer the terminal. */
export function harmless(text: string): string {
  // Masked before anything is cut or escaped: half a secret is not found any more.
  return masked(text).replaceAll(control, (character) => {
    if (character === '\r') return ''
    return character < '\u0100'
      ? `\\x${hex(character).padStart(2, '0')}`
      : `\\u${hex(character).padStart(4, '0')}`
  })
}

/** One line of JSON that no terminal takes for orders; the same values for whoever parses it. */
export const harmlessJson = (value: unknown): string =>
  JSON.stringify(value).replaceAll(control, (character) => `\\u${hex(character).padStart(4, '0')}`)
