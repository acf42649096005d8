/** A table in Markdown whose columns are aligned for reading as text too; named ones hold words. */
export function grid(
  header: readonly string[],
  body: readonly (readonly string[])[],
  words: readonly string[],
): string {
  const columns = header.map((name, column) => ({
    width: Math.max(...[header, ...body].map((cells) => (cells[column] ?? name).length)),
    isText: words.includes(name),
  }))
  const line = (cells: readonly string[]) => {
    const padded = columns.map(({ width, isText }, column) => {
      const cell = cells[column] ?? ''
      return isText ? cell.padEnd(width) : cell.padStart(width)
    })
    return `| ${padded.join(' | ')} |`
  }
  const rule = columns.map(({ width, isText }) =>
    isText ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`,
  )
  return [line(header), line(rule), ...body.map(line)].join('\n')
}
