import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  appendFileSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { Interrupted, UsageError } from '../../core/errors.ts'
import type { LabOptions } from '../model/lab-options.ts'
import { locked } from '../model/lock.ts'
import type { Topology } from '../model/topology.ts'
import { type BuildDir, makeBuildDir, removeBuildDir, runBuild } from './build-folder.ts'
import {
  mmdebstrapArgv,
  type Packages,
  passedAptOptions,
  recipeHash,
  release,
  writeImagePlans,
} from './recipe.ts'
import { debianSources, oneLine, readSources } from './sources.ts'
import { searchPath } from './tools.ts'

/** A finished image in the cache. */
export interface Image {
  readonly hash: string
  readonly dir: string
  /** Seconds the build took, whenever that was. */
  readonly seconds: number
}

/** A file of an image's folder: `vmlinuz`, `initrd`, or the disk of a system, `NAME.qcow2`. */
export const imageFile = (dir: string, file: string) => join(dir, file)

/** The image of this checkout's recipe and roles, built when the cache does not hold it. */
export async function ensureImage(packages: Packages, options: LabOptions): Promise<Image> {
  const hash = recipeHash(options.topology, packages)
  const dir = join(options.cacheDir, `image-${hash}`)
  const cached = finished(dir, hash)
  if (cached) return cached
  const waiting = () =>
    options.say({ step: 'image', text: 'another run is building the image; waiting for it' })
  return await locked(
    join(options.cacheDir, 'image.lock'),
    { waiting, signal: options.signal },
    async () => finished(dir, hash) ?? (await build(dir, hash, packages, options)),
  )
}

function finished(dir: string, hash: string): Image | undefined {
  try {
    const { seconds } = JSON.parse(readFileSync(join(dir, 'image.json'), 'utf8'))
    return { hash, dir, seconds }
  } catch {
    return undefined
  }
}

/** Whether an image that was made before is of today's recipe and holds what the roles install, and maybe more. */
export function stillGood(
  image: Pick<Image, 'dir' | 'hash'>,
  topology: Topology,
  packages: Packages,
): boolean {
  const held = packagesOf(image.dir)
  const names = Object.keys(topology.images)
  const both = names.map((name) => [name, [...(packages[name] ?? []), ...(held[name] ?? [])]])
  return recipeHash(topology, Object.fromEntries(both)) === image.hash
}

function packagesOf(dir: string): Packages {
  try {
    return JSON.parse(readFileSync(join(dir, 'image.json'), 'utf8')).packages ?? {}
  } catch {
    return {}
  }
}

async function build(
  dir: string,
  hash: string,
  packages: Packages,
  options: LabOptions,
): Promise<Image> {
  const { say } = options
  const begun = Date.now()
  say({ step: 'image', text: `building the image ${hash} from this machine's APT sources, once` })
  const cacheLabel = createHash('sha256').update(options.cacheDir).digest('hex').slice(0, 8)
  const work = await makeBuildDir(`tandem-image-${process.getuid?.() ?? 0}-${cacheLabel}-`)
  const partial = `${dir}.partial`
  try {
    writeImagePlans(work.plans, options.topology, packages)
    await bootstrap(work, options)
    rmSync(partial, { recursive: true, force: true })
    mkdirSync(partial, { recursive: true })
    for (const disk of Object.keys(options.topology.images)) {
      say({ step: 'image', text: `storing the disk ${disk}` })
      await runBuild(
        'qemu-img',
        ['convert', '-O', 'qcow2', join(work.out, `${disk}.raw`), join(partial, `${disk}.qcow2`)],
        { env: buildEnv(work, options), signal: options.signal, onLine: () => {} },
      )
    }
    for (const file of ['vmlinuz', 'initrd'])
      copyFileSync(join(work.out, file), join(partial, file))
    const seconds = Math.round((Date.now() - begun) / 100) / 10
    writeFileSync(join(partial, 'image.json'), `${JSON.stringify({ hash, seconds, packages })}\n`)
    // Complete or not there: whoever finds the folder may use it.
    rmSync(dir, { recursive: true, force: true })
    renameSync(partial, dir)
    say({ step: 'image', text: `image ${hash} is ready`, seconds })
    return { hash, dir, seconds }
  } finally {
    await removeBuildDir(work.path)
    rmSync(partial, { recursive: true, force: true })
  }
}

async function bootstrap(work: BuildDir, options: LabOptions): Promise<void> {
  const dump = spawnSync('apt-config', ['dump'], {
    encoding: 'utf8',
    env: buildEnv(work, options) as NodeJS.ProcessEnv,
  })
  const keyFile = (key: string): string => {
    const path = join(work.path, `key-${createHash('sha256').update(key).digest('hex')}.asc`)
    // deb822 indents an inline key by one blank and writes an empty line as a dot.
    writeFileSync(path, `${key.replace(/^ ?\.?$/gm, '').replace(/^ /gm, '')}\n`, { mode: 0o644 })
    return path
  }
  const sources = debianSources(readSources(), release).map((source) => oneLine(source, keyFile))
  const log = join(options.cacheDir, 'image.log')
  writeFileSync(log, '')
  const errors: string[] = []
  try {
    await runBuild(
      'mmdebstrap',
      mmdebstrapArgv(sources, passedAptOptions(dump.stdout ?? ''), work),
      {
        env: buildEnv(work, options),
        signal: options.signal,
        started: work.owner,
        onLine: (line) => {
          appendFileSync(log, `${line}\n`)
          const step = /^STEP (.*)/.exec(line)?.[1] ?? /^I: (\w+ing [^:/]*)\.\.\.$/.exec(line)?.[1]
          if (step) options.say({ step: 'image', text: step })
          if (/^E: /.test(line)) errors.push(line.slice(3))
        },
      },
    )
  } catch (error) {
    if (options.signal?.aborted) throw new Interrupted('Interrupted while building the image')
    const reason = errors[0] ?? (error as Error).message
    throw new UsageError(`The image could not be built: ${reason} (all of it in ${log})`)
  }
  if (!existsSync(join(work.out, 'kernel')))
    throw new UsageError(`The image could not be built: its recipe stopped early (see ${log})`)
}

/** Proxies and folders of the caller, and no initial RAM disk from the kernel package: we make our own. */
function buildEnv(work: BuildDir, options: LabOptions): Record<string, string | undefined> {
  const env = options.env ?? {}
  const proxies = Object.entries(env).filter(([key]) => /^(https?|ftp|no|all)_proxy$/i.test(key))
  return {
    ...Object.fromEntries(proxies),
    HOME: env.HOME ?? '/root',
    PATH: searchPath(env),
    TMPDIR: work.path,
    INITRD: 'No',
    LC_ALL: 'C.UTF-8',
  }
}
