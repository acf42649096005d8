import { readFileSync, statfsSync } from 'node:fs'
import { join } from 'node:path'
import { UsageError } from '../lib/core/errors.ts'

/** Something the hosts need, and how much of it. */
interface Need {
  readonly what: string
  readonly each: number
  /** For what runs besides. */
  readonly besides: number
  /** Where the limit is set. */
  readonly where: string
}

/** What a host takes at most, as seen with 500, and some more: its sshd, a login, the controller's part. */
const needs = {
  memory: { what: 'MB of memory', each: 16, besides: 500, where: 'MemAvailable' },
  disk: { what: 'MB of disk', each: 2, besides: 100, where: 'where TANDEM_BENCH is' },
  inodes: { what: 'inodes', each: 300, besides: 1000, where: 'where TANDEM_BENCH is' },
  processes: {
    what: 'processes',
    each: 8,
    besides: 200,
    where: "kernel.pid_max, kernel.threads-max, the cgroup's pids.max",
  },
  // The proxy holds three for a host: it listens, and has a socket to either side.
  files: { what: 'open files in a process', each: 4, besides: 200, where: 'ulimit -Hn' },
  allFiles: { what: 'open files', each: 150, besides: 5000, where: 'fs.file-max' },
  namespaces: { what: 'namespaces', each: 1, besides: 100, where: 'user.max_*_namespaces' },
} as const satisfies Record<string, Need>

/** How much of everything is left on this machine. */
export type Left = { readonly [key in keyof typeof needs]: number }

/** One sentence that says what is short for so many hosts; nothing where all is enough. */
export function shortage(hosts: number, left: Left): string | undefined {
  const short = Object.entries<Need>(needs).flatMap(([key, { what, each, besides, where }]) => {
    const needed = hosts * each + besides
    const free = Math.floor(left[key as keyof Left])
    return free < needed ? [`${needed} ${what}, of which ${free} are left (${where})`] : []
  })
  return short.length === 0 ? undefined : `${hosts} hosts need ${short.join('; and ')}`
}

/** Throws UsageError in one sentence where this machine cannot take so many hosts. */
export function needRoom(hosts: number, folder: string): void {
  const said = shortage(hosts, left(folder))
  if (said !== undefined) throw new UsageError(said)
}

function left(folder: string): Left {
  const disk = statfsSync(folder)
  const [used = 0, , most = Number.POSITIVE_INFINITY] = numbersIn('/proc/sys/fs/file-nr')
  // All threads of the machine: each takes a pid.
  const tasks = Number(/\/(\d+)/.exec(text('/proc/loadavg'))?.[1] ?? 0)
  const kernel = ['pid_max', 'threads-max'].map((name) => numbersIn(`/proc/sys/kernel/${name}`)[0])
  const sorts = ['mnt', 'uts', 'pid'].map((sort) => `/proc/sys/user/max_${sort}_namespaces`)
  return {
    memory: Number(/^MemAvailable:\s+(\d+)/m.exec(text('/proc/meminfo'))?.[1] ?? 0) / 1024,
    disk: (disk.bavail * disk.bsize) / 2 ** 20,
    // A file system that makes inodes as it needs them says it has none.
    inodes: disk.files === 0 ? Number.POSITIVE_INFINITY : disk.ffree,
    processes: Math.min(...kernel.map((limit) => (limit ?? 0) - tasks), ...cgroups()),
    // Node has raised its own limit to the hard one, and what it starts has the same.
    files: Number(/^Max open files\s+(\d+)/m.exec(text('/proc/self/limits'))?.[1] ?? Infinity),
    allFiles: most - used,
    namespaces: Math.min(...sorts.map((file) => numbersIn(file)[0] ?? Infinity)),
  }
}

/** Processes that each cgroup above this process still takes, of version 1 and of version 2. */
function cgroups(): number[] {
  return text('/proc/self/cgroup')
    .split('\n')
    .flatMap((line) => {
      const [, controllers, path = '/'] = line.split(':')
      if (controllers !== '' && controllers !== 'pids') return []
      const mount = join('/sys/fs/cgroup', controllers)
      const parts = path.split('/').filter(Boolean)
      return parts.flatMap((_, index) => {
        const folder = join(mount, ...parts.slice(0, index + 1))
        const [most] = numbersIn(join(folder, 'pids.max'))
        const [used = 0] = numbersIn(join(folder, 'pids.current'))
        return most === undefined ? [] : [most - used]
      })
    })
}

/** The numbers in a file of the kernel; none where it says `max`, or is not there. */
function numbersIn(file: string): number[] {
  return text(file)
    .trim()
    .split(/\s+/)
    .filter((word) => /^\d+$/.test(word))
    .map(Number)
}

function text(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return ''
  }
}
