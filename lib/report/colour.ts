import type { Status } from '../engine/events.ts'
import { masked } from '../secret.ts'

const codes = { red: 31, green: 32, yellow: 33, cyan: 36, dim: 2, bold: 1 } as const

/** Names of the colours in use. */
export type Colour = keyof typeof codes

/** Colours a text, or leaves it alone. */
export type Paint = (colour: Colour, text: string) => string

/** A painter that paints only where `on`. */
export function painter(on: boolean): Paint {
  return (colour, text) => (on && text !== '' ? `\x1b[${codes[colour]}m${text}\x1b[0m` : text)
}

/** One colour a status, in every output. */
export const statusColour: Record<Status, Colour> = {
  ok: 'green',
  changed: 'yellow',
  'would-change': 'yellow',
  unknown: 'cyan',
  skipped: 'dim',
  failed: 'red',
  refused: 'red',
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it looks for
const control = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g

/** Text from a host without secrets, and without control characters that would steer the terminal. */
export function harmless(text: string): string {
  // Masked before anything is cut or escaped: half a secret is not found any more.
  return masked(text).replaceAll(control, (character) =>
    character === '\r' ? '' : `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`,
  )
}
