/**
 * The parts of a script's output, each behind a line `--- NAME` that the script printed; a part that is missing is not
 * in the map. Only these names count, because a part may hold any text.
 */
export function sections<N extends string>(
  text: string,
  names: readonly N[],
): ReadonlyMap<N, string> {
  const found = new Map<N, string>()
  let name: N | undefined
  let from = 0
  for (const mark of text.matchAll(/^--- (.+)\n?/gm)) {
    const next = names.find((one) => one === mark[1])
    if (next === undefined) continue
    if (name !== undefined) found.set(name, text.slice(from, mark.index))
    name = next
    from = mark.index + mark[0].length
  }
  if (name !== undefined) found.set(name, text.slice(from))
  return found
}
