// Makes the bundle of a root: everything a run may load, in one script, and what to know it by.
import { isAscii } from 'node:buffer'
import { createHash } from 'node:crypto'
import { readdirSync, realpathSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { build as esbuild, stop } from 'esbuild'
import * as kept from './bundle-store.cjs'
import { positionsOf } from './source-map.mjs'

const repository = path.resolve(import.meta.dirname, '../..')
const entry = path.join(repository, 'lib/cli/main.ts')
/** The module that imports a root's files by their paths; in a bundle they are in a table. */
const byPath = path.join(repository, 'lib/inventory/import-file.ts')

/** Loads Node's http, https and tls, for agents that nothing here uses. */
const unused = /\/node_modules\/ssh2\/lib\/http-agents\.js$/

/**
 * Builds the bundle of `root` and puts it where the launcher looks; rejects where anything is not
 * as usual, even a warning, for then the sources themselves must run.
 * @param {string} root
 * @returns {Promise<void>}
 */
export async function build(root) {
  // Where nothing can be kept, making it would be for nothing.
  kept.prepare()
  const inputs = new Inputs()
  const tsconfig = inputs.own(path.join(repository, 'tsconfig.json')).toString()
  for (const folder of new Set([repository, root])) inputs.own(path.join(folder, 'package.json'))
  // This folder decides what a bundle is, too.
  for (const name of readdirSync(import.meta.dirname)) {
    inputs.own(path.join(import.meta.dirname, name))
  }
  const modules = path.join(repository, 'node_modules')
  inputs.package(path.join(modules, '.package-lock.json'))
  // A dependency that is a link can come to point elsewhere while what it pointed to stays.
  const { dependencies } = JSON.parse(inputs.own(path.join(repository, 'package.json')).toString())
  for (const name of Object.keys(dependencies)) {
    inputs.package(path.join(modules, name, 'package.json'))
  }
  const lists = ['playbooks', 'playbooks/drills', 'inventory'].map((name) => {
    const folder = path.join(root, name)
    return { folder, names: kept.sourceNames(folder) }
  })
  const files = lists.flatMap(({ folder, names }) => names.map((name) => path.join(folder, name)))
  const made = await esbuild({
    entryPoints: [entry],
    outfile: path.join(kept.folder, 'bundle.cjs'),
    absWorkingDir: repository,
    write: false,
    bundle: true,
    // Less to read at every start; yet no line so long that Node's message of a crash drowns in it.
    minifyWhitespace: true,
    lineLimit: 160,
    platform: 'node',
    format: 'cjs',
    target: `node${process.versions.node}`,
    // Without esbuild's own `module`, packages resolve to the files Node takes.
    conditions: [],
    tsconfigRaw: tsconfig,
    sourcemap: 'external',
    sourcesContent: false,
    legalComments: 'none',
    logLevel: 'silent',
    logOverride: { 'unsupported-dynamic-import': 'warning' },
    banner: { js: '(function (require, module, exports) {' },
    footer: { js: '})' },
    define: Object.fromEntries(Object.entries(places).map(([name, { as }]) => [name, as])),
    plugins: [plugin(inputs, files)],
  }).finally(stop)
  const odd = made.warnings.find(({ location }) => !inPackage(location?.file ?? ''))
  if (odd) throw new Error(`${odd.location?.file}: ${odd.text}`)
  const output = (/** @type {string} */ end) => {
    const found = made.outputFiles.find((file) => file.path.endsWith(end))
    if (!found) throw new Error(`esbuild made no ${end}`)
    return Buffer.from(found.contents)
  }
  const code = output('.cjs')
  const positions = positionsOf(JSON.parse(output('.map').toString()), kept.folder, inPackage)
  kept.write(root, {
    id: createHash('sha1').update(code).digest('hex'),
    encoding: isAscii(code) ? 'latin1' : 'utf8',
    lists,
    ...inputs.seen(),
    code,
    positions,
  })
}

/** What a module asks for its own place by, and the constant that tells it in the bundle. */
const places = {
  'import.meta.url': { as: 'tandem_url', of: (/** @type {URL} */ url) => url.href },
  'import.meta.filename': { as: 'tandem_file', of: fileURLToPath },
  'import.meta.dirname': { as: 'tandem_folder', of: folderOf },
  __filename: { as: 'tandem_file', of: fileURLToPath },
  __dirname: { as: 'tandem_folder', of: folderOf },
}

/** @param {URL} url */
function folderOf(url) {
  return path.dirname(fileURLToPath(url))
}

/** @param {string} file */
function inPackage(file) {
  return file.split(path.sep).includes('node_modules')
}

/**
 * @param {Inputs} inputs
 * @param {readonly string[]} files
 * @returns {import('esbuild').Plugin}
 */
function plugin(inputs, files) {
  return {
    name: 'tandem',
    setup({ onResolve, onLoad }) {
      onResolve({ filter: /^file:/ }, (args) => ({ path: fileURLToPath(args.path) }))
      onResolve({ filter: /^[./]/ }, ({ path: name, resolveDir }) => {
        if (inPackage(resolveDir)) return undefined
        const file = path.resolve(resolveDir, name)
        return kept.isFile(file) ? { path: inputs.real(file) } : undefined
      })
      // Whether an addon is there is found out when it is asked for, as without a bundle.
      onResolve({ filter: /\.node$/ }, (args) => ({
        path: path.resolve(args.resolveDir, args.path),
        external: true,
      }))
      // The bytes compared later are the ones read here: an edit during the build is not missed.
      onLoad({ filter: /./, namespace: 'file' }, ({ path: file }) => {
        const bytes = inPackage(file) ? inputs.package(file) : inputs.own(file)
        if (unused.test(file)) return { contents: '', loader: 'js' }
        if (file === byPath) return { contents: table(files), loader: 'js' }
        return { contents: placed(file, bytes), loader: 'default' }
      })
    },
  }
}

/**
 * A module that tells its own place tells the one of its source.
 * @param {string} file
 * @param {Buffer} bytes
 */
function placed(file, bytes) {
  if (!/\.[cm]?[jt]s$/.test(file)) return bytes
  if (!['import.meta', '__dirname', '__filename'].some((word) => bytes.includes(word))) return bytes
  const url = new URL(`file://${encodeURI(file).replaceAll('#', '%23').replaceAll('?', '%3F')}`)
  const named = Object.values(places).map(({ as, of }) => [as, JSON.stringify(of(url))])
  const line = [...new Map(/** @type {[string, string][]} */ (named))]
    .map(([name, value]) => `var ${name} = ${value};`)
    .join('')
  // All on the first line, so that no other moves; a directive must stay in front.
  const text = bytes.toString()
  const [directive] = /^(?:\s|\/\/[^\n]*\n|\/\*.*?\*\/)*(['"])use strict\1;?/s.exec(text) ?? ['']
  return `${directive}${directive && ';'}${line}${text.slice(directive.length)}`
}

/** @param {readonly string[]} files */
function table(files) {
  const rows = files.map((file) => JSON.stringify(file)).map((at) => `${at}: () => import(${at}),`)
  return `const files = {\n${rows.join('\n')}\n}
export async function importFile(path) {
  if (Object.hasOwn(files, path)) return files[path]()
  throw new Error(\`Cannot find module \${path}\`)
}`
}

/** What a bundle was made of: own files with their bytes, packages with their stat. */
class Inputs {
  /** @type {Map<string, Buffer | undefined>} */
  #own = new Map()
  /** @type {Map<string, string>} */
  #packages = new Map()
  /** @type {Map<string, string>} */
  #links = new Map()

  /** @param {string} file */
  own(file) {
    const bytes = this.#own.get(file) ?? kept.bytesOf(file)
    this.#own.set(file, bytes)
    return bytes ?? Buffer.alloc(0)
  }

  /** @param {string} file */
  package(file) {
    // The stat comes first: a change in between is then one that the next run sees.
    this.#packages.set(file, kept.statOf(file))
    // Says which of a package's files is meant.
    const [folder] = /^.*\/node_modules\/(?:@[^/]+\/)?[^/]+(?=\/)/.exec(file) ?? []
    const manifest = `${folder}/package.json`
    if (folder && !this.#packages.has(manifest)) {
      this.#packages.set(manifest, kept.statOf(manifest))
    }
    return kept.bytesOf(file) ?? Buffer.alloc(0)
  }

  /** Where a file really is, as Node sees it; a link on the way may come to point elsewhere. @param {string} file */
  real(file) {
    const real = realpathSync(file)
    if (real !== file) this.#links.set(file, real)
    return real
  }

  seen() {
    return { own: [...this.#own], packages: [...this.#packages], links: [...this.#links] }
  }
}
