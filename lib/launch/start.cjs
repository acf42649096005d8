// Runs the command line: out of the root's kept bundle where that is what the sources say today,
// else out of one built now, and out of the sources themselves wherever that is not possible.
// Before anything that an old Node does not know.
const about = require('node:fs').readFileSync(`${__dirname}/../../package.json`, 'utf8')
const needed = JSON.parse(about).engines.node.replace('>=', '')
if (isOlder(process.versions.node, needed)) {
  const found = `this is ${process.version} (${process.execPath})`
  process.stderr.write(`Tandem needs Node.js ${needed} or newer, ${found}; see docs/guide.md\n`)
  process.exit(1)
}

const fs = require('node:fs')
const path = require('node:path')
const vm = require('node:vm')
const { createHash } = require('node:crypto')
const v8 = require('node:v8')
const kept = require('./bundle-store.cjs')

const root = process.env.TANDEM_ROOT || process.cwd()
const main = path.resolve(__dirname, '../cli/main.ts')

/** @type {{ prepareStackTrace?: (error: Error, sites: NodeJS.CallSite[]) => unknown }} */
const errors = Error

/** Whether one version is before another: 18.20.4, 20.19. @param {string} one @param {string} other */
function isOlder(one, other) {
  const [major = 0, minor = 0] = one.split('.').map(Number)
  const [most = 0, more = 0] = other.split('.').map(Number)
  return major < most || (major === most && minor < more)
}

/** Why something takes longer is for who looks into it. @param {string} text */
function told(text) {
  if (process.env.TANDEM_DEBUG === '1')
    process.stderr.write(`start: ${text.split('\n', 2).join(' ')}\n`)
}

/** The bundle, built when the kept one is not good any more; undefined when there can be none. */
async function bundle() {
  let [tries, reason] = [0, '']
  // What is edited during a build makes it old at once.
  while (tries < 3) {
    try {
      return kept.read(root)
    } catch (error) {
      reason = error instanceof Error ? error.message : ''
    }
    tries++
    told(`building a bundle: ${reason}`)
    const { build } = await import('./build.mjs')
    await build(root)
  }
  throw new Error(reason)
}

/**
 * The bundle's code, compiled in the runs before; keeps what this run has compiled for the next.
 * @param {import('./bundle-store.cjs').Bundle} from
 */
function compiled({ id, file, code }) {
  const place = kept.place(root, 'code')
  const cachedData = compiledBefore(place, id)
  // What the start has used must still be there at the end, when it is kept.
  v8.setFlagsFromString('--no-flush-bytecode')
  const script = new vm.Script(code, {
    filename: file,
    ...(cachedData && { cachedData }),
    importModuleDynamically: vm.constants.USE_MAIN_CONTEXT_DEFAULT_LOADER,
  })
  const before = cachedData && !script.cachedDataRejected ? cachedData.length : 0
  const compiledNow = () => v8.getHeapCodeStatistics().bytecode_and_metadata_size
  const atFirst = compiledNow()
  process.once('exit', () => {
    try {
      // So much Node compiles of its own; looking closer takes its time.
      if (before > 0 && compiledNow() - atFirst < 128_000) return
      const data = script.createCachedData()
      if (data.length < before * 1.03) return
      told(`keeping ${data.length} bytes of compiled code, ${before} before`)
      kept.replace(place, Buffer.concat([Buffer.from(id + sum(data), 'latin1'), data]))
    } catch {
      // The next run compiles again.
    }
  })
  return script
}

/** V8 crashes on damaged data instead of refusing it. @param {Buffer} data */
function sum(data) {
  return createHash('sha1').update(data).digest('hex')
}

/** @param {string} place @param {string} id */
function compiledBefore(place, id) {
  try {
    const bytes = fs.readFileSync(place)
    const data = bytes.subarray(80)
    return bytes.toString('latin1', 0, 80) === id + sum(data) ? data : undefined
  } catch {
    return undefined
  }
}

/**
 * The positions are read when a stack is looked at, if ever.
 * @param {import('./bundle-store.cjs').Bundle} from @param {Error} error @param {NodeJS.CallSite[]} sites
 */
function firstStack(from, error, sites) {
  try {
    const { stackOf } = require('./stack.cjs')
    const stack = stackOf(from.file, from.positions())
    errors.prepareStackTrace = stack
    return stack(error, sites)
  } catch {
    delete errors.prepareStackTrace
    return [error, ...sites].join('\n    at ')
  }
}

async function start() {
  // Both ways look the same to the command line.
  process.argv[1] = main
  try {
    const from = await bundle()
    const run = compiled(from).runInThisContext()
    errors.prepareStackTrace = (error, sites) => firstStack(from, error, sites)
    run(require, module, module.exports)
  } catch (error) {
    told(`without a bundle: ${error instanceof Error ? error.message : error}`)
    delete errors.prepareStackTrace
    // As `node --import tsx lib/cli/main.ts` has it.
    await import(require.resolve('tsx'))
    await import(main)
  }
}

start().catch((error) => {
  const repository = path.resolve(__dirname, '../..')
  const isMissing = /^(ERR_)?MODULE_NOT_FOUND$/.test(error.code) && !/['"][./]/.test(error.message)
  process.stderr.write(
    isMissing
      ? `Tandem's packages are missing: run \`npm ci\` in ${repository}\n`
      : `${error.stack || error}\n`,
  )
  process.exit(1)
})
