import type { CheckHost, Task } from '../core/task.ts'
import { cut, readText, rewrite } from './shared/edit-file.ts'
import { fstabLine, lackingOptions, type MountEntry, parseMounts } from './shared/mount-table.ts'
import { resource, type TaskOptions } from './shared/resource.ts'
import { absolute } from './shared/validate.ts'

/** What `mount` is told. */
export interface MountOptions extends TaskOptions {
  readonly fstype: string
  readonly options?: readonly string[]
  /** true: mounted at boot, by a line in fstab; false: no such line; else fstab is left alone. */
  readonly persist?: boolean
}

const fstab = '/etc/fstab'

/** A filesystem mounted here, with at least these options; something else mounted here throws. */
export function mount(source: string, path: string, options: MountOptions): Task {
  absolute(path)
  const { fstype, persist } = options
  const wanted: MountEntry = { source, path, fstype, options: options.options ?? [] }

  return resource(`${source} mounted on ${path}`, options, {
    async check(host) {
      const [now, table] = await Promise.all([
        mountedAt(host, path),
        persist === undefined ? undefined : readText(host, fstab),
      ])
      const difference = await compare(host, now, wanted)
      const before = table?.content
      const after = persist === undefined ? undefined : fstabWith(before, wanted, persist)
      if (!difference && after === undefined) return undefined
      const words = [difference?.summary, after !== undefined && `${fstab} changes`]
      return {
        summary: words.filter(Boolean).join('; '),
        ...(after !== undefined && { diff: { path: fstab, before, after } }),
        step: difference?.step,
        table,
      }
    },
    async apply(host, { step, table, diff }) {
      const list = wanted.options.join(',') || 'defaults'
      if (step === 'remount') await host.sh`mount -o ${`remount,${list}`} -- ${path}`
      if (step === 'mount') {
        await host.sh`mkdir -p -- ${path} && mount -t ${fstype} -o ${list} -- ${source} ${path}`
      }
      if (diff) await rewrite(host, fstab, table, diff.after)
    },
  })
}

/** What is mounted on a path: the last entry counts, it covers those below it. */
async function mountedAt(host: CheckHost, path: string): Promise<MountEntry | undefined> {
  const { stdout } = await host.$`cat /proc/self/mounts`
  const at = (place: string) => parseMounts(stdout).findLast((mount) => mount.path === place)
  const itself = at(path)
  if (itself) return itself
  // The kernel lists where the links of a path lead. A path that is a mount is not asked: it could hang.
  const real = (await host.$`readlink -m -- ${path}`).stdout.trimEnd()
  return real === path ? undefined : at(real)
}

/** Whether a mount would hide files; asked only of paths that are no mount, which could hang. */
async function isFull(host: CheckHost, path: string): Promise<boolean> {
  const { exitCode } = await host.$`
for f in ${path}/* ${path}/.[!.]* ${path}/..?*; do if [ -e "$f" ] || [ -h "$f" ]; then exit 3; fi; done`.nothrow()
  return exitCode === 3
}

async function compare(host: CheckHost, entry: MountEntry | undefined, wanted: MountEntry) {
  const { path, source, fstype } = wanted
  if (!entry) {
    if (!(await isFull(host, path))) return { summary: 'not mounted', step: 'mount' as const }
    throw new Error(`Expected ${path} to be empty before ${source} covers it, got files in it`)
  }
  if (wanted.options.includes('bind') || wanted.options.includes('rbind')) {
    if (!(await sameFolder(host, source, path))) {
      throw new Error(
        `Expected ${source} on ${path}, got something else (from ${entry.source}, ${entry.fstype})`,
      )
    }
  } else if (entry.source !== source && !(await sameDevice(host, entry.source, source))) {
    throw new Error(`Expected ${source} on ${path}, got ${entry.source} (${entry.fstype})`)
  } else if (entry.fstype !== fstype && !(fstype === 'nfs' && entry.fstype === 'nfs4')) {
    // The kernel calls NFS version 4 a type of its own.
    throw new Error(`Expected ${path} to be ${fstype}, got ${entry.fstype} from ${entry.source}`)
  }
  const lacking = lackingOptions(wanted.options, entry.options)
  if (lacking.length === 0) return undefined
  return { summary: `mounted without ${lacking.join(', ')}`, step: 'remount' as const }
}

/** Whether two paths are one folder or file, as after a bind mount, which the kernel lists by its device. */
async function sameFolder(host: CheckHost, one: string, other: string): Promise<boolean> {
  const { stdout } = await host.$`stat -L -c ${'%d:%i'} -- ${one} ${other}`
  const [first, second] = stdout.split('\n')
  return first === second
}

/** Whether two names, such as UUID=… and /dev/mapper/…, lead to one device. */
async function sameDevice(host: CheckHost, one: string, other: string): Promise<boolean> {
  const [a, b] = [devicePath(one), devicePath(other)]
  if (!a || !b) return false
  const { stdout } = await host.$`readlink -f -- ${a} ${b}`.nothrow()
  const [first, second] = stdout.split('\n')
  return first !== undefined && first !== '' && first === second
}

function devicePath(source: string): string | undefined {
  const tag = /^(UUID|LABEL|PARTUUID|PARTLABEL)=(.+)$/.exec(source)
  if (tag) return `/dev/disk/by-${tag[1]?.toLowerCase()}/${tag[2]?.replace(/^"(.*)"$/, '$1')}`
  return source.startsWith('/dev/') ? source : undefined
}

/** The new text of fstab, or undefined where it is right. */
export function fstabWith(
  text: string | undefined,
  wanted: MountEntry,
  persist: boolean,
): string | undefined {
  const { lines, join } = cut(text ?? '')
  const places = lines.flatMap((line, i) => (parseMounts(line)[0]?.path === wanted.path ? [i] : []))
  const others = lines.filter((_, index) => !places.includes(index))
  if (!persist) return places.length > 0 ? join(others) : undefined
  const line = fstabLine(wanted)
  const [place] = places
  if (place === undefined) return join([...lines, line])
  if (places.length > 1) {
    throw new Error(`Expected one line for ${wanted.path} in ${fstab}, got ${places.length}`)
  }
  const now = parseMounts(lines[place] ?? '')[0]
  if (now && fstabLine(now) === line) return undefined
  return join(lines.with(place, line))
}
