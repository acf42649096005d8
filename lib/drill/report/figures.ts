/** Thousands with a comma. */
export const count = (value: number): string => value.toLocaleString('en-US')

/** Milliseconds as seconds without their unit; a wait without an end has no figure. */
export function seconds(ms: number | undefined): string {
  if (ms === undefined || !Number.isFinite(ms)) return '–'
  return (ms / 1000).toFixed(Math.abs(ms) < 100_000 ? 2 : 1)
}

/** Seconds before or after an event, with a sign that lines up with digits. */
export function signed(ms: number, digits: number): string {
  const text = (Math.abs(ms) / 1000).toFixed(digits)
  if (Number(text) === 0) return text
  return `${ms < 0 ? '\u2212' : '+'}${text}`
}

/** `1 round`, `2 rounds`. */
export const plural = (value: number, word: string): string =>
  `${count(value)} ${word}${value === 1 ? '' : 's'}`

/** A coordinate: a tenth of a pixel is finer than any screen, and keeps the page small. */
export const px = (value: number): number => Math.round(value * 10) / 10

/** At most so many characters; the whole is to be had as a tooltip. */
export const short = (text: string, length: number): string =>
  text.length > length ? `${text.slice(0, length - 1).trimEnd()}…` : text

/** A bit more than what a text takes in any usual sans-serif: labels may not run into each other. */
export const textWidth = (text: string, size: number): number => text.length * size * 0.57 + 2

/** Recipes in the order of the report: ours first, for all others are compared with it. */
export function recipesOf(items: readonly { readonly recipe: string }[]): string[] {
  const names = [...new Set(items.map(({ recipe }) => recipe))]
  return [
    ...names.filter((name) => name === 'tandem'),
    ...names.filter((name) => name !== 'tandem'),
  ]
}

/** Drills in the order in which they were run first. */
export const drillsOf = (items: readonly { readonly drill: string }[]): string[] => [
  ...new Set(items.map(({ drill }) => drill)),
]

/** Where a drill's pictures are on the page; by number, for a name may hold anything. */
export const anchor = (drills: readonly string[], drill: string): string =>
  `drill-${drills.indexOf(drill) + 1}`
