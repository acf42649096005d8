import { commandLine } from '../../lib/core/quote.ts'
import type {
  CheckHost,
  Host,
  Output,
  Playbook,
  Question,
  WriteOptions,
} from '../../lib/core/task.ts'
import { plan } from '../../lib/engine/index.ts'
import type { Inventory } from '../../lib/inventory/types.ts'

/** A file that a role writes: what it holds, and who may do what with it. */
export interface Rendered {
  readonly content: string
  /** `0644 root root` */
  readonly access: string
}

/** What Debian has in the files of which a role changes only some lines. */
const before: Readonly<Record<string, string>> = {
  '/etc/hosts': '127.0.0.1 localhost\n::1 localhost ip6-localhost ip6-loopback\n',
  '/etc/fstab': '',
  '/etc/exports': '',
}

/** Everything that a playbook writes on each host of an inventory that has nothing yet: host, path, file. */
export async function renderAll(
  playbook: Playbook,
  inventory: Inventory,
): Promise<Map<string, Map<string, Rendered>>> {
  const hosts = new Map<string, Map<string, Rendered>>()
  for (const play of plan(playbook, inventory)) {
    for (const { host, tasks } of play.hosts) {
      const files = hosts.get(host) ?? new Map<string, Rendered>()
      hosts.set(host, files)
      const target = recorder(host, files)
      for (const { task } of tasks) {
        // What a task asks that writes no file gets no answer here, and is none of this.
        const found = await task.check(target).catch(() => undefined)
        if (found?.diff) await task.apply(target, found)
      }
    }
  }
  return hosts
}

/** Where a command would look at a new file first. */
const trial = '/run/tandem/verify'

/** A host without any file but those above; what is written to it is kept. */
function recorder(name: string, files: Map<string, Rendered>): Host {
  const $ = (pieces: TemplateStringsArray, ...values: unknown[]): Question =>
    question(answer(commandLine(pieces, values), files))
  const write = async (path: string, content: string | Buffer, options: WriteOptions) => {
    // A copy for such a command is no file of the host.
    if (path.startsWith(`${trial}/`)) return
    const { mode, owner = 'root', group = 'root' } = options
    const access = `${mode.toString(8).padStart(4, '0')} ${owner} ${group}`
    files.set(path, { content: content.toString(), access })
  }
  // Whatever is asked of such a host is accepted, the files that a command must accept included.
  const sh = (() => question({ stdout: '', stderr: '', exitCode: 0 })) as unknown as Host['sh']
  return {
    name,
    platform: 'debian12',
    $,
    quick: $,
    sh,
    write,
    peer: (other): CheckHost => recorder(other, new Map()),
    progress: () => {},
    signal: new AbortController().signal,
  }
}

/** What a shell on such a host would say of a path. */
function answer(script: string, files: ReadonlyMap<string, Rendered>): Output {
  const path = /(?:-[fh] |p=)'?(\/[\w./@+-]+)/.exec(script)?.[1]
  const content = path === undefined ? undefined : (files.get(path)?.content ?? before[path])
  if (script.includes('mktemp -d')) return { stdout: `${trial}\n`, stderr: '', exitCode: 0 }
  if (!script.includes('stat -c') || path === undefined)
    return { stdout: '', stderr: '', exitCode: 0 }
  if (content === undefined) {
    const stderr = `stat: cannot statx '${path}': No such file or directory\n`
    return { stdout: '', stderr, exitCode: 1 }
  }
  const size = Buffer.byteLength(content)
  return { stdout: `81a4 root root 0 0 ${size} 1\n${path}\n${content}`, stderr: '', exitCode: 0 }
}

function question(output: Output): Question {
  const asked = (nothrow: boolean): Question => {
    const settled =
      output.exitCode === 0 || nothrow
        ? Promise.resolve(output)
        : Promise.reject(new Error(output.stderr))
    // A question that nobody waits for is no failure.
    settled.catch(() => {})
    return Object.assign(settled, {
      nothrow: () => asked(true),
      within: () => asked(nothrow),
      input: () => asked(nothrow),
    })
  }
  return asked(false)
}
