/**
 * Makes what `Error.prepareStackTrace` is: stacks name the sources that a bundle was made of.
 * @param {string} file the bundle
 * @param {Buffer} positions as positions.mjs makes them
 */
function stackOf(file, positions) {
  const end = positions.indexOf(10)
  /** @type {string[]} */
  const sources = JSON.parse(positions.toString('utf8', 0, end))
  const start = positions.byteOffset + end + 1
  const rows = new Int32Array(positions.buffer, start, (positions.length - end - 1) >> 2)

  /** The last row at or before a place in the bundle. @param {number} line @param {number} column */
  const original = (line, column) => {
    let [low, high] = [0, rows.length / 5]
    while (low < high) {
      const middle = (low + high) >> 1
      const at = /** @type {number} */ (rows[middle * 5])
      const after = at > line || (at === line && Number(rows[middle * 5 + 1]) > column)
      if (after) high = middle
      else low = middle + 1
    }
    const [at, , source = 0, ...place] = rows.subarray((low - 1) * 5, low * 5)
    return at === line ? [sources[source], ...place].join(':') : undefined
  }

  /** @param {Error} error @param {NodeJS.CallSite[]} sites */
  return (error, sites) => {
    const lines = sites.map((site) => {
      const text = String(site)
      if (site.getFileName() !== file) return `\n    at ${text}`
      const [line, column] = [site.getLineNumber() ?? 0, site.getColumnNumber() ?? 0]
      const found = original(line, column)
      return `\n    at ${found ? text.replace(`${file}:${line}:${column}`, () => found) : text}`
    })
    return Error.prototype.toString.call(error) + lines.join('')
  }
}

module.exports = { stackOf }
