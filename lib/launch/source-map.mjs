import path from 'node:path'

const digits = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'
const values = new Map([...digits].map((digit, value) => [digit, value]))

/**
 * A source map as a table that needs no parsing: a line of JSON with the sources, blank up to a
 * multiple of four, then rows of five int32, sorted: line and column in the bundle, source, line
 * and column there. Packages get one row for each of their lines.
 * @param {{ sources: string[], mappings: string }} map
 * @param {string} folder what its sources are relative to
 * @param {(file: string) => boolean} inPackage
 * @returns {Buffer}
 */
export function positionsOf({ sources, mappings }, folder, inPackage) {
  const files = sources.map((source) => path.resolve(folder, source))
  const coarse = files.map(inPackage)
  /** @type {number[]} */
  const rows = []
  let [source, line, column] = [0, 0, 0]
  for (const [at, text] of mappings.split(';').entries()) {
    let generated = 0
    let last = ''
    for (const segment of text === '' ? [] : text.split(',')) {
      const [step = 0, ...more] = numbers(segment)
      generated += step
      source += more[0] ?? 0
      line += more[1] ?? 0
      column += more[2] ?? 0
      if (coarse[source] && last === `${source}:${line}`) continue
      last = `${source}:${line}`
      rows.push(at + 1, generated + 1, source, line + 1, column + 1)
    }
  }
  const head = Buffer.from(JSON.stringify(files))
  const blank = Buffer.alloc(4 - ((head.length + 1) % 4), ' ')
  return Buffer.concat([head, blank, Buffer.from('\n'), Buffer.from(Int32Array.from(rows).buffer)])
}

/** Base 64 digits of five bits and one for "goes on"; the lowest bit of all is the sign. @param {string} text */
function numbers(text) {
  const found = []
  let [value, shift] = [0, 0]
  for (const character of text) {
    const digit = values.get(character) ?? 0
    value += (digit & 31) << shift
    shift += 5
    if (digit & 32) continue
    found.push(value & 1 ? -(value >> 1) : value >> 1)
    value = 0
    shift = 0
  }
  return found
}
