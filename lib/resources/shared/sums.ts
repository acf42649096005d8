/** SHA-256 sums by path. */
export type Sums = ReadonlyMap<string, string>

/** Reads sha256sum's output, including its backslash in front of escaped names. */
export function parseSums(text: string): Sums {
  const sums = new Map<string, string>()
  for (const line of text.split('\n')) {
    const match = /^(\\?)([0-9a-f]{64}) [ *](.+)$/.exec(line)
    if (!match?.[2] || !match[3]) continue
    sums.set(match[1] ? match[3].replaceAll('\\\\', '\\') : match[3], match[2])
  }
  return sums
}
