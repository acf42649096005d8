// The kept bundle of a root: one file that holds what it was made of, its code and its positions.
const { createHash } = require('node:crypto')
const fs = require('node:fs')
const path = require('node:path')

/** As trusted as the checkout itself, and gone with its packages. */
const folder = path.resolve(__dirname, '../../node_modules/.cache/tandem')

/**
 * @typedef {object} Head
 * @property {string} root
 * @property {string} node the version it was built by
 * @property {string} id names the code
 * @property {'latin1' | 'utf8'} encoding of the code
 * @property {{ folder: string, names: string[] }[]} lists the sources in folders
 * @property {[file: string, size: number][]} own sizes of own files; -1 where there was none
 * @property {[file: string, stat: string][]} packages
 * @property {[file: string, real: string][]} links own files that are reached by a link
 * @property {[own: number, code: number, positions: number]} sizes of the parts behind the head
 *
 * @typedef {object} Bundle
 * @property {string} id
 * @property {string} file
 * @property {string} code
 * @property {() => Buffer} positions readable even after the file was replaced
 */

/** @param {string} root @param {string} kind */
function place(root, kind) {
  const key = createHash('sha1').update(root).digest('hex').slice(0, 16)
  return path.join(folder, `${key}.${kind}`)
}

/** A file's bytes; undefined where there is none. @param {string} file */
function bytesOf(file) {
  try {
    return fs.readFileSync(file)
  } catch (error) {
    if (/** @type {NodeJS.ErrnoException} */ (error).code === 'ENOENT') return undefined
    throw error
  }
}

/** What changes with every write to a file. @param {string} file */
function statOf(file) {
  const found = fs.statSync(file, { bigint: true, throwIfNoEntry: false })
  return found ? `${found.ino} ${found.size} ${found.mtimeNs} ${found.ctimeNs}` : 'none'
}

/** The TypeScript files of a folder that a run may be asked for. @param {string} folder */
function sourceNames(folder) {
  // Not every root has every folder: one without drills has none to be asked for.
  const names = fs.existsSync(folder) ? fs.readdirSync(folder) : []
  return names
    .filter((name) => name.endsWith('.ts') && !name.endsWith('.test.ts') && !name.startsWith('.'))
    .sort()
}

/**
 * The kept bundle of `root`; throws where there is none, or with what has changed since.
 * @param {string} root
 * @returns {Bundle}
 */
function read(root) {
  const file = place(root, 'bundle')
  // Stays open: the positions are read when there is a stack to show, if ever.
  const opened = fs.openSync(file, 'r')
  try {
    return verified(root, file, opened)
  } catch (error) {
    fs.closeSync(opened)
    throw error
  }
}

/** @param {string} root @param {string} file @param {number} opened @returns {Bundle} */
function verified(root, file, opened) {
  const { head, start } = headOf(opened)
  const [own, code, positions] = head.sizes
  if (fs.fstatSync(opened).size !== start + own + code + positions) throw new Error('it is cut off')
  if (head.root !== root || head.node !== process.version) throw new Error('it is for another node')
  for (const list of head.lists) {
    if (sourceNames(list.folder).join('/') !== list.names.join('/')) throw changed(list.folder)
  }
  for (const [name, stat] of head.packages) if (statOf(name) !== stat) throw changed(name)
  for (const [name, real] of head.links) if (fs.realpathSync(name) !== real) throw changed(name)
  const body = part(opened, start, own + code)
  let at = 0
  for (const [name, size] of head.own) {
    const now = bytesOf(name)
    const end = at + Math.max(size, 0)
    if ((now?.length ?? -1) !== size) throw changed(name)
    if (now && body.compare(now, 0, size, at, end) !== 0) throw changed(name)
    at = end
  }
  const bytes = body.subarray(own)
  // V8 takes kept code for granted without a look at the text, and crashes where it is none.
  if (createHash('sha1').update(bytes).digest('hex') !== head.id) throw new Error('it is damaged')
  return {
    id: head.id,
    file,
    code: bytes.toString(head.encoding),
    positions: () => part(opened, start + own + code, positions),
  }
}

/** @param {number} opened */
function headOf(opened) {
  const length = Number(part(opened, 0, 16))
  /** @type {Head} */
  const head = JSON.parse(part(opened, 16, length).toString())
  return { head, start: 16 + length }
}

/** @param {string} name */
function changed(name) {
  return new Error(`${name} has changed`)
}

/** @param {number} opened @param {number} at @param {number} length */
function part(opened, at, length) {
  const bytes = Buffer.allocUnsafe(length)
  for (let done = 0; done < length; ) {
    const more = fs.readSync(opened, bytes, done, length - done, at + done)
    if (more === 0) throw new Error('it is cut off')
    done += more
  }
  return bytes
}

/** Throws where nothing can be kept. */
function prepare() {
  fs.mkdirSync(folder, { recursive: true })
  fs.accessSync(folder, fs.constants.W_OK)
}

/** @param {string} file */
function isFile(file) {
  return fs.statSync(file, { throwIfNoEntry: false })?.isFile() === true
}

/**
 * Keeps a bundle for `root`.
 * @param {string} root
 * @param {Pick<Head, 'id' | 'encoding' | 'lists' | 'packages' | 'links'> & {
 *   own: [file: string, bytes: Buffer | undefined][], code: Buffer, positions: Buffer }} bundle
 */
function write(root, { own, code, positions, ...rest }) {
  const bytes = Buffer.concat(own.map(([, one]) => one ?? Buffer.alloc(0)))
  /** @type {Head} */
  const head = {
    root,
    node: process.version,
    ...rest,
    own: own.map(([file, one]) => [file, one?.length ?? -1]),
    sizes: [bytes.length, code.length, positions.length],
  }
  const text = Buffer.from(JSON.stringify(head))
  const length = Buffer.from(String(text.length).padStart(16))
  forget()
  replace(place(root, 'bundle'), Buffer.concat([length, text, bytes, code, positions]))
}

/** Takes away what was kept for folders that are no more. */
function forget() {
  for (const name of fs.readdirSync(folder).filter((one) => one.endsWith('.bundle'))) {
    const file = path.join(folder, name)
    const opened = fs.openSync(file, 'r')
    try {
      if (fs.existsSync(headOf(opened).head.root)) continue
    } catch {
      // Damaged: of no use to anyone.
    } finally {
      fs.closeSync(opened)
    }
    for (const one of [file, file.replace(/bundle$/, 'code')]) fs.rmSync(one, { force: true })
  }
}

/**
 * Replaces a file as a whole: two runs at once each leave a good one.
 * @param {string} file @param {Buffer} bytes
 */
function replace(file, bytes) {
  const temporary = `${file}.${process.pid}`
  try {
    fs.writeFileSync(temporary, bytes, { mode: 0o600 })
    fs.renameSync(temporary, file)
  } catch (error) {
    fs.rmSync(temporary, { force: true })
    throw error
  }
}

module.exports = {
  folder,
  place,
  bytesOf,
  statOf,
  isFile,
  sourceNames,
  read,
  prepare,
  write,
  replace,
}
