import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

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

/** Names the image by everything that decides its content but the state of the archive. */
export function recipeHash(read: (file: string) => string = readGuest): string {
  const hash = createHash('sha256')
  const parts = ['1', release, ...basePackages, ...dpkgOptions]
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

/** The command line that builds both images into `out`. */
export function mmdebstrapArgv(
  sources: readonly string[],
  aptOptions: readonly string[],
  out: string,
): string[] {
  const quoted = (text: string) => `'${text.replaceAll("'", `'\\''`)}'`
  return [
    ...['--variant=minbase', '--architectures=amd64', '--format=null'],
    `--include=${basePackages.join(',')}`,
    ...['Acquire::Languages "none"', 'APT::Install-Recommends "false"', ...aptOptions].map(
      (option) => `--aptopt=${option}`,
    ),
    ...dpkgOptions.map((option) => `--dpkgopt=${option}`),
    `--customize-hook=sh ${quoted(`${guestDir}image.sh`)} "$1" ${quoted(out)} ${quoted(guestDir)}`,
    ...[release, '-', ...sources],
  ]
}
