import { spawnSync } from 'node:child_process'
import { mkdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { read } from '../lib/cli/common/args.ts'
import type { Option } from '../lib/cli/common/option-table.ts'
import { exitCodes, UsageError } from '../lib/core/errors.ts'
import { lock } from '../lib/lab/model/lock.ts'
import { ensureBase, needPrograms } from './base.ts'
import { begin } from './begin.ts'
import { ownContenders } from './contenders.ts'
import { down, pidOf, reset } from './hosts.ts'
import { writeInventories } from './inventories.ts'
import { measure } from './measure.ts'
import { optionLines, refuseTaken } from './options.ts'
import { addressOf, type Places, places, ports } from './places.ts'

const options = {
  names: { kind: 'text', value: 'N', about: 'files that both disks have (default 5000000)' },
  changed: {
    kind: 'text',
    value: 'N',
    about: 'files that the victim alone has (default names/200)',
  },
  help: { kind: 'flag', about: 'this text' },
} as const satisfies Record<string, Option>

const help = `npm run bench:recover [-- OPTIONS]   what saving a victim's files takes, on native hosts (root only)

${optionLines(options)}
`
const say = (text: string) => process.stderr.write(`${text}\n`)
const disk = '/dev/mapper/VolGroup-lv_drbd'
const share = '/data'

/** Runs a shell line; throws with what it said where it fails. */
function sh(script: string, argv: readonly string[] = ['sh', '-ec', script]): string {
  const [program = 'sh', ...rest] = argv
  const { status, stdout, stderr } = spawnSync(program, rest, { encoding: 'utf8' })
  if (status !== 0) throw new Error(`exit code ${status}: ${script.slice(0, 200)}: ${stderr}`)
  return stdout.trim()
}

/** Runs a shell line on a host. */
const on = (at: Places, host: number, script: string) =>
  sh(script, ['ssh', '-F', at.sshConfig, addressOf(host), script])

/** Names as long as those of photographs have, a thousand a folder; `new` ones hold a line of text. */
const make = (folder: string, count: number, word: string) =>
  sh(`cd ${folder} && perl -e '
    for my $i (0 .. ${count - 1}) {
      my $dir = sprintf("${word}-%06d", $i / 1000);
      mkdir $dir unless $i % 1000;
      open(my $file, ">", sprintf("$dir/IMG_20260101_%09d_thumbnail.jpg", $i)) or die "$!\\n";
      print $file "picture $i\\n" if "${word}" eq "new";
    }'`)

/** Two disks that were one, each written alone since; and when they parted, in seconds since the epoch. */
async function split(folder: string, names: number, changed: number) {
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(join(folder, 'mnt'), { recursive: true })
  const [survivor, victim] = [join(folder, 'survivor.img'), join(folder, 'victim.img')]
  const place = join(folder, 'mnt')
  const within = (image: string, work: () => void) => {
    sh(`mount -o loop ${image} ${place}`)
    try {
      work()
    } finally {
      sh(`umount ${place}`)
    }
  }
  const inodes = Math.ceil((names + changed) * 1.05) + 10_000
  const bytes = inodes * 400 + changed * 4_096 + 512 * 1024 ** 2
  sh(`truncate -s ${bytes} ${victim} && mke2fs -q -F -t ext4 -N ${inodes} ${victim}`)
  within(victim, () => make(place, names, 'old'))
  sh(`cp --sparse=always ${victim} ${survivor}`)
  const parted = Math.ceil(Date.now() / 1000)
  while (Date.now() < parted * 1000) await sleep(100)
  within(victim, () => make(place, changed, 'new'))
  within(survivor, () => {
    mkdirSync(join(place, 'theirs'))
    make(join(place, 'theirs'), Math.ceil(changed / 10), 'new')
  })
  return { images: [survivor, victim], parted } as const
}

/** Resident memory of every process below a host's first one, in bytes. */
function resident(pid: number): number[] {
  try {
    const kib = Number(
      /^VmRSS:\s*(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0,
    )
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim()
    return [
      kib * 1024,
      ...(children === '' ? [] : children.split(' ').map(Number)).flatMap(resident),
    ]
  } catch {
    // It has ended.
    return []
  }
}

/** Watches the hosts' processes five times a second until told to end: the largest one, and all at once. */
async function watched(at: Places, signal: AbortSignal) {
  const peak = { process: 0, together: 0 }
  while (!signal.aborted) {
    const all = [1, 2].map((host) => resident(pidOf(at, host) ?? 0))
    peak.process = Math.max(peak.process, ...all.flat())
    for (const one of all)
      peak.together = Math.max(
        peak.together,
        one.reduce((sum, each) => sum + each, 0),
      )
    await sleep(200)
  }
  return peak
}

const mib = (bytes: number) => `${(bytes / 1024 ** 2).toFixed(0)} MiB`

async function work(
  at: Places,
  names: number,
  changed: number,
  signal: AbortSignal,
): Promise<void> {
  await ensureBase(at, say, signal)
  await reset(at, 2)
  const { ours } = writeInventories(at, 2, ports.direct)
  const tandem = ownContenders(at, process.env).find(({ name }) => name === 'tandem')
  if (!tandem) throw new Error('no contender is called tandem')
  const command = tandem.command('first', { hosts: 2, port: ports.direct, ours, theirs: '' })
  const folder = join(at.folder, 'recover')
  const loops: string[] = []
  try {
    say(`making two disks with ${names} files`)
    const { images, parted } = await split(folder, names, changed)
    for (const image of images) loops.push(sh(`losetup --find --show ${image}`))
    const nodes =
      'mknod /dev/loop-control c 10 237; i=0; while [ $i -lt 64 ]; do mknod /dev/loop$i b 7 $i; i=$((i+1)); done'
    for (const host of [1, 2]) on(at, host, nodes)
    on(at, 1, `mkdir -p ${share} && mount ${loops[0]} ${share}`)
    on(at, 2, `mkdir -p /dev/mapper && mknod ${disk} b 7 ${loops[1]?.match(/\d+$/)?.[0]}`)
    // What was changed in the ten minutes before is saved too: here that would be all, as nobody waits so long.
    for (const host of [1, 2]) {
      on(
        at,
        host,
        `mkdir -p /var/lib/tandem && echo '${parted + 600} Primary' >/var/lib/tandem/together`,
      )
    }
    const before = sh(`sha256sum <${images[1]}`)
    const stop = new AbortController()
    const peaks = watched(at, stop.signal)
    const log = join(at.logs, 'recover.log')
    const argv = command.argv.map((word) => (word === 'site' ? 'recover' : word))
    const took = await measure({ ...command, argv }, log, signal).finally(() => stop.abort())
    const { process: largest, together } = await peaks
    const saved = on(
      at,
      2,
      'cd /var/lib/tandem/split-brain/2*/ && grep -c "^saved .*\\.jpg: " list && find files -name "*.jpg" -size +0 | wc -l',
    )
    if (saved !== `${changed}\n${changed}`) {
      throw new Error(`expected ${changed} saved, in the list and beside it, got ${saved}`)
    }
    if (sh(`sha256sum <${images[1]}`) !== before)
      throw new Error("the victim's disk was written to")
    process.stdout.write(
      `${names} files on both, ${changed} on the victim alone: saved in ${(took.wallMs / 1000).toFixed(0)} s; controller ${mib(took.peakRssBytes)}, largest process of a host ${mib(largest)}, all of one host at once ${mib(together)}\n`,
    )
  } finally {
    await down(at)
    for (const loop of loops) sh(`losetup -d ${loop}`)
    rmSync(folder, { recursive: true, force: true })
  }
}

async function main(argv: readonly string[], signal: AbortSignal): Promise<number> {
  refuseTaken('bench:recover', options, process.env)
  const { words, flag, text } = read(argv, options)
  if (flag('help')) {
    process.stdout.write(help)
    return exitCodes.converged
  }
  if (words[0] !== undefined) throw new UsageError(`Expected only options, got \`${words[0]}\``)
  if (process.getuid?.() !== 0) {
    throw new UsageError('The benchmark mounts disks, so it needs root: sudo npm run bench:recover')
  }
  needPrograms(['flock', 'perl', 'ssh', 'mke2fs', 'losetup'])
  const count = (name: 'names' | 'changed', standard: number): number => {
    const got = text(name)
    if (got === undefined) return standard
    if (/^[1-9]\d{0,8}$/.test(got)) return Number(got)
    throw new UsageError(`Expected --${name} to be an integer 1–999999999, got \`${got}\``)
  }
  const names = count('names', 5_000_000)
  const changed = count('changed', Math.ceil(names / 200))
  const at = places(process.env)
  const waiting = () => say('another benchmark is running; waiting for it')
  const unlock = await lock(at.lock, { waiting, signal })
  try {
    await down(at)
    await work(at, names, changed, signal)
    return exitCodes.converged
  } finally {
    unlock()
  }
}

await begin(main)
