import { execFileSync } from 'node:child_process'
import { mkdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { UsageError } from '../core/errors.ts'
import type { Probed } from './acceleration.ts'
import { since } from './alone.ts'
import { mustRunOn } from './guest-shell.ts'
import { makeIdentities, writeKnownHosts } from './identity/identity.ts'
import { type Image, imageFile } from './image/image.ts'
import { searchPath } from './image/tools.ts'
import type { LabFiles, LabOptions } from './model/lab-options.ts'
import { type LabState, labOf, machineLogin, writeState } from './model/state.ts'
import { bmcsOf, type Volumes } from './model/topology.ts'
import { newPassword } from './processes/bmc.ts'
import { endAll, freePort } from './start-machine.ts'

/** Makes disks, keys and state of a new lab; whatever an unfinished one left is removed first. */
export async function makeLab(
  image: Image,
  probed: Probed,
  files: LabFiles,
  options: LabOptions,
): Promise<LabState> {
  await endAll(files)
  const disks = join(files.stateDir, 'disks')
  rmSync(files.lab, { force: true })
  rmSync(disks, { recursive: true, force: true })
  mkdirSync(disks, { recursive: true, mode: 0o700 })
  const create = (...args: string[]) => {
    try {
      execFileSync('qemu-img', ['create', '-q', '-f', 'qcow2', ...args], {
        env: { PATH: searchPath(options.env ?? {}) },
        stdio: ['ignore', 'ignore', 'pipe'],
        encoding: 'utf8',
      })
    } catch (error) {
      throw new UsageError(`qemu-img could not make a disk: ${(error as Error).message}`)
    }
  }
  for (const { name, image: base, volumes } of files.topology.machines) {
    const backing = imageFile(image.dir, `${base}.qcow2`)
    create('-b', backing, '-F', 'qcow2', files.disk(name, 'root'))
    if (volumes) create(files.disk(name, 'data'), `${volumes.diskMib}M`)
    rmSync(files.serial(name), { force: true })
  }
  const keys = makeIdentities(files, readFileSync(imageFile(image.dir, 'initrd')))
  const ports: number[] = []
  for (const _ of files.topology.machines) {
    let port = await freePort()
    while (ports.includes(port)) port = await freePort()
    ports.push(port)
  }
  const logins = files.topology.machines.map(({ name }, index) => [
    name,
    { port: ports[index] ?? 0, key: keys[name] ?? '' },
  ])
  const bmcs = bmcsOf(files.topology).map(({ name }) => [
    name,
    { port: 0, password: newPassword() },
  ])
  const state = writeState(files, {
    version: 4,
    ready: false,
    image: image.hash,
    imageDir: image.dir,
    acceleration: probed.acceleration,
    forkMs: 0,
    seconds: { image: image.seconds },
    machines: Object.fromEntries(logins),
    bmc: Object.fromEntries(bmcs),
    cuts: [],
    snapshots: {},
  })
  writeKnownHosts(files, state)
  return state
}

/** Makes the logical volumes on the second disk; their names have no dash, which a device's would double. */
function volumeScript({ group, volumes }: Volumes): string {
  const each = Object.entries(volumes)
  return [
    `vgs ${group} >/dev/null 2>&1 && exit 0`,
    [
      `pvcreate -qq -y /dev/vdb && vgcreate -qq ${group} /dev/vdb`,
      ...each.map(([name, mib]) => `lvcreate -qq -y -W n -n ${name} -L ${mib}M ${group}`),
      ...each.map(([name]) => `test -b /dev/mapper/${group}-${name}`),
    ].join(' &&\n'),
    '',
  ].join('\n')
}

/** Times in the guest: 100 forks with exec of a small program. */
const forkScript = `
begun=$(date +%s%N)
i=0; while [ $i -lt 100 ]; do /bin/true; i=$((i + 1)); done
end=$(date +%s%N)
echo $(( (end - begun) / 1000 ))
`

/** What is done once in the booted machines: the backing volume, and the measure of their speed. */
export async function provision(
  state: LabState,
  files: LabFiles,
  options: LabOptions,
): Promise<LabState> {
  const begun = Date.now()
  const lab = labOf(state, files)
  const limits = { timeoutMs: 300_000, signal: options.signal }
  const [first, ...others] = files.topology.machines
  if (!first) throw new Error('expected a lab with machines, got none')
  const made = await Promise.all(
    [first, ...others].flatMap(({ name, volumes }) =>
      volumes
        ? mustRunOn(machineLogin(lab, name), volumeScript(volumes), limits).then(() => name)
        : [],
    ),
  )
  const forkMs =
    Number(await mustRunOn(machineLogin(lab, first.name), forkScript, limits)) / 100 / 1000
  options.say({
    step: 'provision',
    text: `the volumes of ${made.join(' and ')} are there; one fork takes ${forkMs.toFixed(1)} ms`,
    seconds: since(begun),
  })
  return { ...state, forkMs }
}
