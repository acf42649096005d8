import { createHash } from 'node:crypto'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { quote } from '../../core/quote.ts'
import type { Topology } from '../model/topology.ts'
import type { BuildDir } from './build-folder.ts'

/** Folder of the scripts that run in and for the guests. */
export const guestDir = fileURLToPath(new URL('guest/', import.meta.url))

/** Release the machines run. */
export const release = 'bookworm'

/** What every machine has before anything is baked in. */
export const basePackages: readonly string[] = [
  ...['linux-image-cloud-amd64', 'systemd-sysv', 'udev', 'openssh-server', 'iproute2', 'ifupdown'],
  ...['lvm2', 'netbase', 'procps', 'psmisc', 'iputils-ping', 'iputils-arping', 'e2fsprogs'],
  ...['kmod', 'sudo', 'busybox-static'],
]

/** dpkg's settings during the build and in the guests: no syncs, no manuals, no translations. */
export const dpkgOptions: readonly string[] = [
  'force-unsafe-io',
  'path-exclude=/usr/share/doc/*',
  'path-exclude=/usr/share/man/*',
  'path-exclude=/usr/share/info/*',
  'path-exclude=/usr/share/locale/*',
  'path-exclude=/usr/share/lintian/*',
]

/** What the roles install on the machines that boot from an image, by its name. */
export type Packages = Readonly<Record<string, readonly string[]>>

/** What a role installs and the image does not have from the start: kept in it as packages. */
const storedIn = ({ images }: Topology, image: string, packages: Packages): readonly string[] =>
  [...new Set(packages[image])]
    .filter((name) => ![...basePackages, ...(images[image]?.installed ?? [])].includes(name))
    .sort()

/** Tells the recipe, in a folder of its own for each image, what is installed, what is kept, and the last step. */
export function writeImagePlans(folder: string, topology: Topology, packages: Packages): void {
  for (const [name, { installed, script = '' }] of Object.entries(topology.images)) {
    mkdirSync(join(folder, name), { mode: 0o755 })
    const write = (file: string, text: string) =>
      writeFileSync(join(folder, name, file), text, { mode: 0o644 })
    write('installed', `${installed.join(' ')}\n`)
    write('stored', `${storedIn(topology, name, packages).join(' ')}\n`)
    write('script', script)
  }
}

/** Names the image by everything that decides its content but the state of the archive. */
export function recipeHash(
  topology: Topology,
  packages: Packages,
  read: (file: string) => string = readGuest,
): string {
  const hash = createHash('sha256')
  const images = Object.entries(topology.images).map(([name, plan]) =>
    JSON.stringify([name, plan.installed, storedIn(topology, name, packages), plan.script ?? '']),
  )
  const parts = ['2', release, ...basePackages, ...dpkgOptions, ...images]
  for (const part of [...parts, ...['image.sh', 'files.sh', 'init.sh'].map(read)])
    hash.update(`${Buffer.byteLength(part)}:${part}`)
  return hash.digest('hex').slice(0, 12)
}

const readGuest = (file: string): string => readFileSync(`${guestDir}${file}`, 'utf8')

/** Which of the machine's APT settings the build needs: how to reach the archive, and its dates. */
export function passedAptOptions(dump: string): string[] {
  return dump
    .split('\n')
    .map((line) => line.trim())
    .filter((line) =>
      /^Acquire::(https?::|Check-Valid-Until |Check-Date |ForceIPv[46] |Retries )/i.test(line),
    )
    .filter((line) => !/ "";$/.test(line))
}

/** The command line that builds the images into `out`, as told in `plans`. */
export function mmdebstrapArgv(
  sources: readonly string[],
  aptOptions: readonly string[],
  { out, plans }: Pick<BuildDir, 'out' | 'plans'>,
): string[] {
  return [
    ...['--variant=minbase', '--architectures=amd64', '--format=null'],
    `--include=${basePackages.join(',')}`,
    ...['Acquire::Languages "none"', 'APT::Install-Recommends "false"', ...aptOptions].map(
      (option) => `--aptopt=${option}`,
    ),
    ...dpkgOptions.map((option) => `--dpkgopt=${option}`),
    `--customize-hook=sh ${quote(`${guestDir}image.sh`)} "$1" ${[out, guestDir, plans].map(quote).join(' ')}`,
    ...[release, '-', ...sources],
  ]
}
