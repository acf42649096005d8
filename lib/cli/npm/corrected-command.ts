import { quote } from '../../core/quote.ts'
import type { Option } from '../common/option-table.ts'

/** An option that npm took from a command line. */
export interface Taken {
  /** As it was typed, for the message. */
  readonly typed: string
  /** The name of the option that was meant, with `no-` in front where it was. */
  readonly name: string
  /** Our option, unless it is none of ours. */
  readonly option?: Option
  /** What npm made of it: `true` where it took no value. */
  readonly given: string
  /** The value that was meant. */
  readonly value: string
}

/** A word as one would type it in a shell. */
export function quoted(word: string): string {
  const [, option = '', value = ''] = /^(--?[\w-]+=)?(.*)$/s.exec(word) ?? []
  return `${option}${quote(value)}`
}

/** Takes the stray word that was an option's value: npm leaves `M2` of `--limit M2` behind. */
function claim(option: Option, strays: string[], alone: boolean): string {
  const place = strays.findIndex((word) => {
    if (option.kind === 'count') return /^\d+$/.test(word)
    return option.choices ? option.choices.includes(word) : alone
  })
  const [word] = place < 0 ? [] : strays.splice(place, 1)
  return word ?? option.value ?? 'VALUE'
}

/** Any word could be its value: unlike a number's or a choice's, it cannot be told by its looks. */
const open = ({ kind, choices }: Option) => kind !== 'flag' && kind !== 'count' && !choices

/** The words that say what was meant, with the `--` that keeps npm away from them. */
export function retyped(script: string, all: readonly Taken[], argv: readonly string[]): string[] {
  const dash = argv.findIndex((word) => word.startsWith('-'))
  const words = dash < 0 ? argv : argv.slice(0, dash)
  const behind = dash < 0 ? [] : argv.slice(dash)
  const wordsBefore = script === 'play' ? 1 : words.length
  const front = words.slice(0, wordsBefore)
  const strays = words.slice(wordsBefore)

  const valueless = all.filter(({ value }) => value === 'true')
  const opens = valueless.filter(({ option }) => option && open(option))
  const values = new Map<Taken, string>()
  for (const one of [...valueless.filter((taken) => !opens.includes(taken)), ...opens]) {
    if (!one.option || one.option.kind === 'flag') continue
    values.set(one, claim(one.option, strays, opens.length === 1))
  }

  const parts: string[] = []
  for (const one of all) {
    parts.push(`--${one.name}`)
    if (['true', 'false', ''].includes(one.value)) {
      parts.push(...[values.get(one) ?? []].flat())
    } else if (one.option?.kind === 'flag') {
      // npm's own --diff takes the next word: an option of ours, or the playbook's name.
      for (const word of one.value.split('\n\n')) {
        if (word.startsWith('--')) parts.push(word)
        else (front.length === 0 ? front : strays).push(word)
      }
    } else {
      parts.push(one.value)
    }
  }
  // Words of several open options cannot be told apart: placeholders stand for them.
  const rest = opens.length > 1 ? [] : strays
  return ['npm', 'run', script, ...front, ...rest, '--', ...parts, ...behind]
}
