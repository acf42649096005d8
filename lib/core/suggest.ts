/** Edits (insert, delete, replace, swap of neighbours) that turn one word into the other. */
export function distance(a: string, b: string): number {
  let older: number[] = []
  let previous = Array.from({ length: b.length + 1 }, (_, index) => index)
  for (let row = 1; row <= a.length; row++) {
    const current = [row]
    for (let column = 1; column <= b.length; column++) {
      const same = a[row - 1] === b[column - 1]
      const swapped = a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1]
      current[column] = Math.min(
        (previous[column] ?? 0) + 1,
        (current[column - 1] ?? 0) + 1,
        (previous[column - 1] ?? 0) + (same ? 0 : 1),
        row > 1 && column > 1 && swapped ? (older[column - 2] ?? 0) + 1 : Number.POSITIVE_INFINITY,
      )
    }
    older = previous
    previous = current
  }
  return previous[b.length] ?? 0
}

/** The name most likely meant by `word`: its only completion, or the one that is closest, within a third of its length. */
export function nearest(word: string, names: readonly string[]): string | undefined {
  const lower = word.toLowerCase()
  const completions = names.filter((name) => lower && name.toLowerCase().startsWith(lower))
  if (completions.length === 1) return completions[0]
  const ranked = names
    .map((name) => ({ name, edits: distance(lower, name.toLowerCase()) }))
    .sort((a, b) => a.edits - b.edits)
  const [best, next] = ranked
  // Of two that are as near, M1 and M2 for M3, the wrong one could cost a node its data.
  if (best?.edits === next?.edits) return undefined
  return best && best.edits <= Math.max(1, Math.floor(word.length / 3)) ? best.name : undefined
}

/** "Unknown host `M11`, did you mean `M1`? There are: M1, M2": one sentence for every wrong name. */
export function unknownName(kind: string, word: string, names: readonly string[]): string {
  const guess = nearest(word, names)
  const hint = guess === undefined ? '; there' : `, did you mean \`${guess}\`? There`
  const list = names.length === 0 ? 'are none' : `are: ${names.join(', ')}`
  return `Unknown ${kind} \`${word}\`${hint} ${list}`
}
